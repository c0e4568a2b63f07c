"""What is missing from a study: what failed, with the reason that it left, and what was not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmark.records.round_store import ROUND_ZERO
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.formats.numbers import listed_gaps
from benchmark.report.results.load import FULL_DATA, total_loss
from benchmark.report.statistics.intervals import missing_seeds

#: Letters of a reason: a strategy may raise a whole page.
LETTERS = 200
Planned = Mapping[str, set[int]]


def gaps(
    subject: DatasetResults, planned: Planned, budgets: Sequence[int], heads: Mapping[int, str]
) -> Iterator[tuple[str, str]]:
    """Facts on what is missing of the planned seeds of each strategy; one fact says so if nothing is."""
    failed, not_run = [], []
    for name, seeds in planned.items():
        expected = [max(heads)] if name == FULL_DATA else list(budgets)
        missing = _missing(subject, name, seeds, expected)
        reasons = {seed: why for seed in missing if (why := reason(subject, name, seed))}
        for seed, why in reasons.items():
            failed.append(f"{name}, {listed_gaps({seed: missing.pop(seed)}, expected, heads)}: {why}")
        if missing:
            not_run.append(f"{name}, {listed_gaps(missing, expected, heads)}")
    found = {"failed": "; ".join(failed), "not run": "; ".join(not_run)}
    yield from ((name, text) for name, text in found.items() if text)
    if not failed and not not_run:
        yield "failed or not run", "nothing"


def reason(subject: DatasetResults, name: str, seed: int) -> str | None:
    """Why a trajectory failed, or the round 0 that it needs; None if neither left a reason."""
    for source in subject.study.sources_of(subject.dataset):
        own = source.error_of(subject.dataset, name, seed)
        first = None if name == FULL_DATA else source.error_of(subject.dataset, ROUND_ZERO, seed)
        found = own or (first and f"round 0 failed: {first}")
        if found:
            return found if len(found) <= LETTERS else f"{found[:LETTERS]}..."
    return None


def _missing(
    subject: DatasetResults, name: str, seeds: set[int], expected: Sequence[int]
) -> dict[int, list[int]]:
    losses = total_loss(subject.results.trajectories(subject.dataset))
    return missing_seeds(losses[losses["strategy"] == name], expected, sorted(seeds))
