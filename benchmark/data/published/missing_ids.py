"""Ids that nothing lies there for: one sentence each, not one for every file that they should have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.data.problems import Problems
from benchmark.data.published.publication import Entry, Lister, refuse


def check_ids(root: Path, entries: Mapping[str, tuple[Entry, ...]], lister: Lister) -> None:
    """Raises UserError that names ids without any file, the first ten of each split."""
    problems = Problems()
    for split, listed in entries.items():
        for entry in listed:
            if not any(map(lister.has, entry.files.values())):
                problems.add(
                    split,
                    f"Id {entry.id!r} of {split} is not there: {str(entry.files['image'])!r} is missing, and "
                    "so are its labels; add them, or take the id out of the list.",
                )
    refuse(root, problems)
