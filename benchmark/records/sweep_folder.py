"""The folder of a sweep: a folder of results for each variant, and ``sweep.yaml``, which says which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmark.errors import UserError
from benchmark.experiment.sweep import Variant
from benchmark.records.results_folder import EXPERIMENT, SWEEP
from benchmark.records.round_store import write_atomically
from benchmark.untrusted_files import read_fields


def is_sweep(folder: Path) -> bool:
    """Whether a folder is of a sweep."""
    return (folder / SWEEP).is_file()


def check_sweep(folder: Path, variants: Sequence[Variant]) -> None:
    """Refuse a folder of a single run, or of a sweep over other fields. Raises UserError."""
    if (folder / EXPERIMENT).is_file():
        raise UserError(f"{folder} holds results of a single run: give another --out for a sweep.")
    if is_sweep(folder):
        before, now = (list(one[0].settings) for one in (read_sweep(folder), variants))
        if before != now:
            raise UserError(
                f"{folder} holds a sweep over {', '.join(before)}, not {', '.join(now)}: give another --out."
            )


def write_sweep(folder: Path, variants: Sequence[Variant]) -> None:
    """Write ``sweep.yaml``; variants of an earlier sweep over the same fields stay."""
    before = read_sweep(folder) if is_sweep(folder) else []
    every = {variant.folder: dict(variant.settings) for variant in (*before, *variants)}
    folder.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_dump({"variants": list(every.values())}, sort_keys=False)
    write_atomically(folder / SWEEP, content.encode())


def read_sweep(folder: Path) -> list[Variant]:
    """The variants of a sweep, in order. Raises UserError for a broken file."""
    listed = read_fields(folder / SWEEP).get("variants")
    same = isinstance(listed, list) and all(
        isinstance(one, dict) and one and list(one) == list(listed[0]) for one in listed
    )
    if not same or not listed:
        raise UserError(
            f"{folder / SWEEP}: variants must be a list of values by field, the same fields in each, as "
            "`mtal run --vary` writes it."
        )
    return [Variant({str(path): value for path, value in one.items()}) for one in listed]
