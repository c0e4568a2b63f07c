"""How yes and no are written in the files of a published data set: 0 and 1, or 0 to 255.

Copies differ, and one file cannot tell: a map with nothing in it is black either way, and a map of
probabilities may be nearly black. So all files are looked at, once for each state of the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmark.data.cache_folder import cache_folder
from benchmark.data.dataset import Coding, MultiTaskDataset
from benchmark.data.files.bad_file import BadFile, read_bytes
from benchmark.data.folder.label_files import read_values
from benchmark.data.problems import Finding
from benchmark.data.published.publication import in_threads
from benchmark.records.round_store import to_json, write_atomically
from benchmark.untrusted_files import read_json

#: Raise it with every change of what is told apart.
VERSION = 1
#: So many times as many maps of greys as such that end at 1 are greys all of them.
FEW = 10
#: What the values of one file are.
BLANK, ONE, BOTH, HIGH, SHARE, GREY = "blank", "0 and 1", "0, 1 and 255", "0 and 255", "shares", "greys"
#: By name: how such files are read (fields of ``TaskFolder``), and how that is called among the facts.
ONES = ({"positive": 1, "ignore": 255}, "0 and 1, 255 ignored")
SHARES = ({"threshold": 0.5}, "0 to 1, over one half is a yes")
BYTES = ({"threshold": 127.5}, "0 to 255, over one half is a yes")


@dataclass(frozen=True)
class Told:
    """How the files of a task are read (fields of ``TaskFolder``), in words, and what speaks against it."""

    fields: Mapping[str, Any]
    words: str
    doubt: str = ""

    def noted(self, dataset: MultiTaskDataset, task: str) -> MultiTaskDataset:
        """The data set with the coding of this task among its facts, and what speaks against it."""
        found = (Finding(f"{task} coding", self.doubt),) if self.doubt else ()
        advice = Coding(advice=f"its files were taken for {self.words}")
        return replace(
            dataset,
            facts={**dataset.facts, "codings": {task: self.words}},
            codings={**dataset.codings, task: advice},
            findings=(*dataset.findings, *found),
        )


def told_by_files(task: str, paths: Sequence[Path], digest: str) -> Told:
    """The coding that all label files (.png or .npy) of a binary task agree on.

    ``digest`` names the state of the data: what it was told for such a state is kept in the cache folder.
    Files that cannot be read say nothing here; whoever decodes them names them.
    """
    kept = cache_folder() / f"codings-{VERSION}" / f"{digest[:32]}-{task}.json"
    found = _noted(kept)
    if not found.counts:
        found = _looked(paths)
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, to_json({"counts": found.counts, "examples": found.examples}))
    return _told(task, found)


@dataclass(frozen=True)
class _Found:
    """How many files hold which values, and one of each by name."""

    counts: Counter[str]
    examples: Mapping[str, str]


def _noted(kept: Path) -> _Found:
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = read_json(kept)
        return _Found(Counter(noted["counts"]), dict(noted["examples"]))
    return _Found(Counter(), {})


def _looked(paths: Sequence[Path]) -> _Found:
    kinds = in_threads(_values_of, paths)
    names = {kind: f"{path.parent.name}/{path.name}" for kind, path in zip(kinds, paths, strict=True)}
    return _Found(Counter(kinds), names)


def _values_of(path: Path) -> str:
    try:
        return values_of(read_values(read_bytes(path), path.suffix.lower(), "binary"))
    except BadFile:
        return BLANK


def values_of(values: NDArray[Any]) -> str:
    """Which values a file holds, apart from 0."""
    ones, high, others = values == 1, values == 255, values != 0
    others = others & ~ones & ~high
    if others.any():
        inside = values.dtype.kind == "f" and bool(((values >= 0) & (values <= 1)).all())
        return SHARE if inside else GREY
    return {(True, True): BOTH, (True, False): ONE, (False, True): HIGH}.get(
        (bool(ones.any()), bool(high.any())), BLANK
    )


def _told(task: str, found: _Found) -> Told:
    counts = found.counts
    low, high = counts[ONE] + counts[SHARE], counts[HIGH] + counts[GREY]
    if counts[GREY] > FEW * low:  # of maps of greys, a few are nearly black
        return Told(*BYTES)
    if counts[BOTH] and not counts[GREY] and not counts[SHARE]:
        return Told(*ONES)
    if low and high:
        return Told(*BYTES, _doubt(task, found))
    return Told(*(SHARES if counts[SHARE] else ONES if low else BYTES))


def _doubt(task: str, found: _Found) -> str:
    parts = [
        f"{sum(found.counts[kind] for kind in kinds)} hold {words} "
        f"({next(found.examples[kind] for kind in kinds if kind in found.examples)!r})"
        for kinds, words in (((ONE, SHARE), "0 to 1"), ((HIGH, GREY), "0 to 255"))
    ]
    return f"{task} files are of two codings: {' and '.join(parts)}; bring them to one."
