"""What each field of a stored round must be: whoever has its results may have written them by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.records import loss_file
from benchmark.records.score_file import says_where
from benchmark.untrusted_files import LARGEST_INTEGER


def is_name(value: Any) -> bool:
    """Whether it may name a data set, a strategy, a task or an image."""
    return isinstance(value, str) and bool(value)


def is_count(value: Any) -> bool:
    """Whether it is a whole number that fits into a table."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_INTEGER


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_name, value)) and len(set(value)) == len(value)


def _are_labels(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(_are_ids(names) and names for names in value))


def _are_scores(value: Any) -> bool:
    rows = value if isinstance(value, list) else [None]
    widths = {len(row) if isinstance(row, list) and all(map(_is_number, row)) else 0 for row in rows}
    return value is None or says_where(value) or (len(widths) == 1 and widths != {0})


def _are_probabilities(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(_is_number(p) and 0 < p <= 1 for p in value))


def _are_metrics(value: Any) -> bool:
    of_tasks = list(value.values()) if isinstance(value, dict) else [None]
    return all(
        isinstance(of_task, dict) and all(v is None or _is_number(v) for v in of_task.values())
        for of_task in of_tasks
    )


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


#: By the name of the field.
SOUND: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("dataset", "strategy"), is_name),
    **dict.fromkeys(("seed", "round", "format"), is_count),
    **dict.fromkeys(("key", "weights_digest"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("labelled", "selected"), _are_ids),
    **dict.fromkeys(("labels", "selected_labels"), _are_labels),
    "budget": lambda value: value is None or is_count(value),
    "spent": lambda value: value is None or _are_numbers(value),
    "metrics": _are_metrics,
    "scores": _are_scores,
    "probabilities": _are_probabilities,
    "image_losses": lambda value: value is None or loss_file.says_where(value),
    "strategy_state": lambda value: isinstance(value, dict),
    "seconds": _are_numbers,
    "notes": _are_numbers,
    "peak_memory_mb": _is_number,
}
