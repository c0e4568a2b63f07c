"""What a plan decides: its comparisons at its looks, by its test, and nothing of what it does not name."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.experiment.study_plan import StudyPlan
from benchmark.report.statistics.design.equivalence import equivalence_p
from benchmark.report.statistics.design.group_sequential import GroupSequential
from benchmark.report.statistics.design.max_t import max_t
from benchmark.report.statistics.full_data_gap import FullDataGap
from benchmark.report.statistics.holm_family import holm
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.paired_tests import paired_t, paired_t_below

Status = Literal["better", "worse", "equivalent", "open", "undecided"]


@dataclass(frozen=True)
class Decision:
    """A planned comparison after the last look that it had: strategy minus ``against``, lower is better.

    ``seeds`` are those of the look, 0 before the first. ``low`` to ``high`` holds the true difference at all
    looks and for the whole family with the plan's confidence (repeated; Jennison and Turnbull 1989).
    ``holm`` and ``max_t`` are p values of the study so far, corrected for looks and family, ``equivalence``
    that of equivalence within the margin; NaN where there is none. ``status`` is *open* where looks are to
    come, and *undecided* where none is.
    """

    strategy: str
    against: str
    status: Status = "open"
    seeds: int = 0
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    holm: float = math.nan
    max_t: float = math.nan
    equivalence: float = math.nan

    def turned(self) -> Decision:
        """The same decision seen from the other strategy."""
        sides: dict[Status, Status] = {"better": "worse", "worse": "better"}
        return replace(
            self,
            strategy=self.against,
            against=self.strategy,
            status=sides.get(self.status, self.status),
            mean=-self.mean,
            low=-self.high,
            high=-self.low,
        )


@dataclass(frozen=True)
class Planned:
    """What the plan decides so far; ``next_look`` is None after the last, or where all is decided.

    ``there`` are the plan's first seeds that are whole, ``beyond`` seeds of the results that it does not
    name. A seed is whole with all strategies, draws of random and, for a margin in shares, full data.
    ``changes`` say what was changed of it after results were there.
    """

    plan: StudyPlan
    decisions: tuple[Decision, ...]
    next_look: int | None
    there: int
    beyond: tuple[int, ...]
    changes: tuple[str, ...] = ()

    def of(self, strategy: str, against: str) -> Decision | None:
        """The decision on a planned comparison; None on any other, and on one that is seen from the other."""
        return next((d for d in self.decisions if (d.strategy, d.against) == (strategy, against)), None)

    def either(self, strategy: str, against: str) -> Decision | None:
        """The same, whichever way round the pair is asked for: signs are those of the plan's own."""
        return self.of(strategy, against) or self.of(against, strategy)

    def p(self, one: Decision) -> float:
        """By the declared correction."""
        return _declared_p(self.plan, one)

    def numbers(self, strategy: str, against: str) -> dict[str, str | float | None]:
        """A planned comparison for machines, seen from ``strategy``; all None of any other."""
        other = self.of(against, strategy)
        one = self.of(strategy, against) or (other and other.turned())
        known = (
            (one.status, one.seeds, one.mean, one.low, one.high, self.p(one), one.equivalence) if one else ()
        )
        parts = ("status", "seeds", "mean", "low", "high", "p", "equivalence_p")
        return {f"plan_{part}": known[at] if known else None for at, part in enumerate(parts)}


def planned(
    plan: StudyPlan,
    values: pd.DataFrame,
    gap: FullDataGap,
    changes: Sequence[str] = (),
    lacking: Collection[int] = (),
) -> Planned:
    """The plan's decisions from a column ``value`` (NAUBC) per ``strategy`` and ``seed``.

    ``lacking`` are seeds that are not whole although all strategies have a value: draws of random are to
    come. A look with some of them would be another look once they are there.
    """
    wide = values.pivot_table(index="seed", columns="strategy", values="value")
    wide = wide.reindex(index=list(plan.seeds), columns=[*plan.family, plan.against])
    without_margin = set(plan.seeds) - set(gap.by_seed) if plan.margin_needs_gap else set()
    wide.loc[[seed in lacking or seed in without_margin for seed in wide.index]] = math.nan
    differences = wide[list(plan.family)].sub(wide[plan.against], axis="index").to_numpy(float)
    found, next_look = decisions(plan, differences, gap)
    beyond = sorted({int(seed) for seed in values.dropna(subset="value")["seed"]} - set(plan.seeds))
    there = int(wide.notna().all(axis="columns").cumprod().sum())
    return Planned(
        plan, tuple(found[name] for name in plan.family), next_look, there, tuple(beyond), tuple(changes)
    )


def decisions(
    plan: StudyPlan, differences: NDArray[np.float64], gap: FullDataGap
) -> tuple[dict[str, Decision], int | None]:
    """Look after look, for as long as what is not decided has its seeds; and where the next one is.

    ``differences`` are of the plan's seeds, in their order, by strategies of its family; NaN is not there.
    """
    found = {name: Decision(name, plan.against) for name in plan.family}
    so_far = _SoFar(plan)
    for number, seeds in enumerate(plan.looks):
        waiting = [at for at, one in enumerate(found.values()) if one.status == "open"]
        if not waiting:
            return found, None
        if np.isnan(differences[:seeds, waiting]).any():
            return found, seeds
        so_far.look(number, differences[:seeds], gap)
        found |= {plan.family[at]: so_far.decision(found[plan.family[at]]) for at in waiting}
    return {n: replace(d, status="undecided") if d.status == "open" else d for n, d in found.items()}, None


class _SoFar:
    """The p values of a study after its looks so far, each the smallest of them, at the whole level."""

    def __init__(self, plan: StudyPlan) -> None:
        self.plan = plan
        self.design = GroupSequential(plan.looks, plan.bound, plan.one_sided)
        self.one_side = GroupSequential(plan.looks, plan.bound, one_sided=True)
        self.each, self.largest, self.equal = (np.full(len(plan.family), math.nan) for _ in range(3))
        self.number = 0
        self.differences = np.empty((0, len(plan.family)))

    def look(self, number: int, differences: NDArray[np.float64], gap: FullDataGap) -> None:
        """Take one more look, at these seeds; a strategy that is decided may lack some of them."""
        plan, self.number, self.differences = self.plan, number, differences
        columns = [self._whole(column) for column in self.differences.T]
        test = paired_t_below if plan.one_sided else paired_t
        largest = max_t(self.differences, len(plan.family), plan.one_sided).corrected
        margin = _margins(plan, plan.seeds[: len(differences)], gap)
        self.each = self._lower(self.each, self.design, [test(values) for values in columns])
        self.largest = self._lower(self.largest, self.design, largest)
        equal = [equivalence_p(values, margin) if values and margin else math.nan for values in columns]
        self.equal = self._lower(self.equal, self.one_side, equal)

    def decision(self, before: Decision) -> Decision:
        """What is known of a comparison now."""
        at = self.plan.family.index(before.strategy)
        mean, low, high = self._interval(self.differences[:, at])
        one = replace(before, seeds=len(self.differences), mean=mean, low=low, high=high)
        corrected, equal = (holm(p.tolist(), len(self.plan.family))[at] for p in (self.each, self.equal))
        one = replace(one, holm=corrected, max_t=float(self.largest[at]), equivalence=equal)
        return replace(one, status=_status(self.plan, one))

    def _whole(self, column: NDArray[np.float64]) -> list[float]:
        """The differences of a comparison; none of one that was decided before and lacks seeds."""
        return [] if np.isnan(column).any() else column.tolist()

    def _lower(
        self, before: NDArray[np.float64], design: GroupSequential, p: Sequence[float]
    ) -> NDArray[np.float64]:
        now = [math.nan if math.isnan(one) else design.overall(one, self.number) for one in p]
        return np.fmin(before, now)

    def _interval(self, column: NDArray[np.float64]) -> tuple[float, float, float]:
        """The mean and its repeated interval, at the level of this look and of the family."""
        level = self.design.levels(self.plan.level / len(self.plan.family))[self.number]
        return t_interval(column.tolist(), 1 - (2 if self.plan.one_sided else 1) * level)


def _margins(plan: StudyPlan, seeds: Sequence[int], gap: FullDataGap) -> list[float] | None:
    """The margin by seed: a share of its own gap, or the number; None where there is none."""
    size = plan.margin_size
    if size is None:
        return None
    if size.share is None:
        return [size.in_loss(0.0)] * len(seeds)
    gaps = [gap.by_seed.get(int(seed), math.nan) for seed in seeds]
    return None if any(map(math.isnan, gaps)) else [size.in_loss(one) for one in gaps]


def _declared_p(plan: StudyPlan, one: Decision) -> float:
    return one.max_t if plan.correction == "max-t" else one.holm


def _status(plan: StudyPlan, one: Decision) -> Status:
    """Shown to be another, or the same within the margin, by the declared correction; else open."""
    if _declared_p(plan, one) <= plan.level:
        return "better" if one.mean < 0 else "worse"
    return "equivalent" if one.equivalence <= plan.level else "open"
