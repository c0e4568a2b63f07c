"""The numbers that a page carries with it, to be saved as files without asking a server."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.records.round_store import COLUMNS
from benchmark.report.results.load import Results


@dataclass(frozen=True)
class Download:
    """A file inside the page: its path in the results folder, its size in words, a data URI."""

    path: str
    size: str
    uri: str

    @property
    def name(self) -> str:
        """What to save it as: a table and a figure may share their last name."""
        return self.path.replace("/", "-")


@dataclass(frozen=True)
class Downloads:
    """What the page carries, and the paths of what was too large for it."""

    kept: Sequence[Download]
    left_out: Sequence[str]


def downloads(results: Results, files: Mapping[str, bytes], room: int) -> Downloads:
    """The raw results and every CSV among a report's files, as many as ``room`` characters hold.

    Tables come first, then the others from small to large, so that what is left out is the bulk.
    """
    raw = results.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n").encode()
    every = {path: content for path, content in files.items() if path.endswith(".csv")} | {"results.csv": raw}
    kept, left_out = [], []
    for path in sorted(every, key=lambda path: (not path.startswith("tables/"), len(every[path]), path)):
        uri = f"data:text/csv;base64,{base64.b64encode(every[path]).decode()}"
        if len(uri) <= room:
            room -= len(uri)
            kept.append(Download(path, _size(len(every[path])), uri))
        else:
            left_out.append(path)
    return Downloads(sorted(kept, key=lambda one: one.path), sorted(left_out))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
