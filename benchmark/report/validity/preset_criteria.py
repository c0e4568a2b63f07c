"""Is a preset fit for a study? Criteria on random selection and full data that no strategy has a part in.

Where labels make next to no difference, or one task or the luck of a seed decides the total, no ranking of
strategies means anything. So a preset is held to these before strategies are compared, on seeds that no
study uses and, where images are rendered, on images that none uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.formats.files import as_csv
from benchmark.report.formats.numbers import head
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.validity.labels_matter import LARGEST_SHARE
from benchmark.report.validity.regime import (
    INITIAL,
    LOSS,
    Regime,
    beside_constant,
    by_seed,
    falls,
    regime,
    worse_refined,
)
from benchmark.words import aligned, aligned_rows

#: Of the gap to full data: what the luck of a seed may add to a curve.
LARGEST_SPREAD = 0.1
#: Of the pool: below so many labels, random must not have reached the full-data loss.
EARLIEST_FULL = 0.4
WIDE = 1000  # columns


@dataclass(frozen=True)
class Criterion:
    """What is asked, what was measured, and what to change where it is not met."""

    name: str
    found: str
    met: bool
    advice: str


@dataclass(frozen=True)
class Measured:
    """The numbers that a gate looks at: by labelled images, a value per (task, metric) and seed."""

    subject: DatasetResults
    regime: Regime
    by_budget: dict[int, pd.DataFrame]

    @property
    def pool(self) -> int:
        """Images to choose from."""
        return self.regime.pool

    def at(self, size: int) -> str:
        """A budget in words."""
        return head(size, self.pool)

    @property
    def asked(self) -> dict[str, str]:
        """Every task with the metric that stands for it, and the total with its loss."""
        return {task: self.regime.headline(task) for task in self.regime.tasks} | dict([TOTAL_LOSS])


def measured(subject: DatasetResults) -> Measured:
    """The numbers of one data set. Raises UserError without random at two budgets, or without full data."""
    found = regime(subject)
    rows = subject.results.of(subject.dataset)
    random, full = (rows[rows["strategy"] == name] for name in (RANDOM, FULL_DATA))
    if found is None or not found.full or random["labelled"].nunique() < 2:
        raise UserError(f"{subject.dataset}: a gate needs random at two budgets or more, and full data.")
    sizes = {int(size): by_seed(part) for size, part in random.groupby("labelled")}
    return Measured(subject, found, sizes | {found.pool: by_seed(full)})


def criteria(found: Measured) -> list[Criterion]:
    """All of them, in the order in which they are to be mended."""
    asked: Sequence[Callable[[Measured], Criterion]] = (
        _labels_help,
        _better_than_constant,
        _refined_no_worse,
        _no_task_decides,
        _quiet_enough,
        _not_full_too_early,
    )
    return [ask(found) for ask in asked]


def table(found: Measured) -> pd.DataFrame:
    """A row per task and budget: its headline metric, losses of both stages, those of the best constant."""
    rows = [_row(found, task, name, size) for task, name in found.asked.items() for size in found.by_budget]
    return pd.DataFrame(rows)


def _row(found: Measured, task: str, name: str, size: int) -> dict[str, object]:
    values, constant = found.by_budget[size], found.regime.constant
    return {
        "task": task,
        "metric": name,
        "labelled": size,
        "share": size / found.pool,
        "value": _mean(values, task, name),
        "loss": _mean(values, task, LOSS),
        "initial_loss": _mean(values, task, INITIAL),
        "constant": _mean(constant, task, name),
        "constant_loss": _mean(constant, task, LOSS),
    }


def _mean(values: pd.DataFrame, task: str, name: str) -> float:
    return float(values.loc[(task, name)].mean()) if (task, name) in values.index else math.nan


def _labels_help(found: Measured) -> Criterion:
    """From the first budget to full data, in every seed: a mean may hide a task that labels do not move."""
    changes = [found.regime.change(*pair) for pair in found.asked.items()]
    bad = [one.name for one in changes if not one.least > 0]
    listed = [f"{one.name} {one.first:.4g} to {one.end:.4g}" for one in changes]
    return Criterion(
        "labels improve every task",
        _failing(bad, "not in every seed: ") + "; ".join(listed),
        not bad,
        "train longer, start from pre-trained weights, use larger images, or begin with fewer labels",
    )


def _better_than_constant(found: Measured) -> Criterion:
    bad = [
        f"{task} {name} at {found.at(size)} ({own:.4g} against {constant:.4g})"
        for size, values in found.by_budget.items()
        for task in found.regime.tasks
        for name, own, constant, better_by in beside_constant(found.regime, values, task)
        if not better_by > 0  # a value that is not known beats nothing
    ]
    return Criterion(
        "every task beats the best constant prediction",
        "; ".join(bad) or "in loss and headline metric, at every budget",
        not bad and not found.regime.constant.empty,
        "train longer where a task has not learned; fewer epochs, weight decay or dropout where its loss is "
        "over-confident; or begin with more labels",
    )


def _refined_no_worse(found: Measured) -> Criterion:
    later = list(found.by_budget.items())[1:]
    bad = [
        text for size, values in later for text in worse_refined(found.regime, values, f"at {found.at(size)}")
    ]
    return Criterion(
        "refined predictions are no worse than initial ones after the first budget",
        "; ".join(bad) or "for every task",
        not bad,
        "fewer epochs at small budgets, weight decay, dropout of maps, or a smaller width",
    )


def _no_task_decides(found: Measured) -> Criterion:
    shares = falls(found.regime)
    largest = max(shares, key=lambda task: shares[task], default="")
    listed = ", ".join(f"{task} {100 * share:.0f} %" for task, share in sorted(shares.items()))
    few = len(found.regime.tasks) < 3  # of two tasks one always has half
    return Criterion(
        "no task makes over half of the total loss's fall",
        listed or "the total does not fall, or a task's loss is not known",
        few or (bool(shares) and shares[largest] <= LARGEST_SHARE),
        f"lower task_weights.{largest}, or raise the others'" if largest else "see the first criterion",
    )


def _quiet_enough(found: Measured) -> Criterion:
    gap, areas = found.subject.evidence.gap, found.subject.evidence.naubc
    values = areas.loc[areas["strategy"] == RANDOM, "naubc"].dropna()
    share = gap.share(float(values.std(ddof=1)))
    return Criterion(
        "random's NAUBC spreads over seeds by under a tenth of the gap to full data",
        f"standard deviation {values.std(ddof=1):.4g} over {len(values)} seeds, gap {gap.mean:.4g}: "
        f"{100 * share:.1f} %",
        share < LARGEST_SPREAD,  # false for NaN: one seed has no spread, and no gap no share
        "more iterations, a calmer recipe (learning rate, weight decay), more validation images, or a first "
        "budget that is larger",
    )


def _not_full_too_early(found: Measured) -> Criterion:
    losses = {size: _mean(values, *TOTAL_LOSS) for size, values in found.by_budget.items()}
    full = losses[found.pool]
    early = [size for size in losses if size < EARLIEST_FULL * found.pool and losses[size] <= full]
    listed = ", ".join(f"{loss:.4g} at {found.at(size)}" for size, loss in losses.items())
    return Criterion(
        "random does not reach the full-data loss before 40 % of labels",
        listed,
        not early,
        "let iterations follow the labelled set (recipe.epochs), or train longer: full data is under-trained",
    )


def _failing(names: Sequence[str], words: str) -> str:
    return f"{words}{', '.join(names)}. " if names else ""


def gate_text(found: Measured, judged: Sequence[Criterion]) -> str:
    """For a terminal: a line a criterion, what to change below each that is not met, and the numbers."""
    lines = [f"Gate of {found.subject.dataset}, {found.subject.seeds}, pool of {found.pool} images", ""]
    for one in judged:
        lines += aligned_rows([("met " if one.met else "FAIL", f"{one.name}: {one.found}")])[0]
        lines += [] if one.met else aligned_rows([("    ", f"To change: {one.advice}")])[0]
    return "\n".join([*lines, "", *_rows(found)])


def gate_files(found: Measured, judged: Sequence[Criterion]) -> dict[str, bytes]:
    """The numbers for machines, and all of it as Markdown."""
    verdicts = [f"| {one.name} | {'met' if one.met else '**not met**'} | {one.found} |" for one in judged]
    head_row = ["| criterion | | measured |", "|---|---|---|"]
    numbers = "\n".join(["```", *_rows(found), "```"])
    document = "\n".join([*head_row, *verdicts, "", numbers, ""])
    return {"tables/gate.csv": as_csv(table(found)), "tables/gate.md": document.encode()}


def _rows(found: Measured) -> list[str]:
    """Headline metrics by budget, in columns; the best constant's last."""
    sizes = list(found.by_budget)
    rows = [("", *(found.at(size) for size in sizes), "constant")]
    for task, name in found.asked.items():
        values = [_mean(found.by_budget[size], task, name) for size in sizes]
        cells = [*values, _mean(found.regime.constant, task, name)]
        rows.append((found.regime.change(task, name).name, *(f"{value:.4g}" for value in cells)))
    return aligned(rows, WIDE).splitlines()  # rows of numbers are never folded
