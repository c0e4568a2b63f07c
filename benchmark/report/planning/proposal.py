"""The plan that follows from a pilot and from what is asked of a study."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from benchmark.errors import UserError
from benchmark.experiment.catalogue import name_in_results
from benchmark.experiment.config import Experiment
from benchmark.experiment.planned import competitors
from benchmark.experiment.study_plan import ComputedFrom, PilotFolder, Size, StudyPlan, validated_plan
from benchmark.report.planning.pilot import Pilot
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.settings import comparable, differences
from benchmark.report.results.study import Study
from benchmark.report.statistics.design.group_sequential import Bound, GroupSequential
from benchmark.report.statistics.design.power import (
    MOST_SEEDS,
    PairedTest,
    equivalence_power,
    power,
    seeds_for_equivalence,
    seeds_needed,
)
from benchmark.report.statistics.design.variance_components import Deviation
from strategies.registry import resolve

#: Significant digits of what a plan was computed from.
DIGITS = 4


@dataclass(frozen=True)
class Wish:
    """What a study is to find, and how it is tested; ``looks`` empty is one look at the seeds needed."""

    difference: Size
    margin: Size | None = None
    power: float = 0.8
    level: float = 0.05
    one_sided: bool = False
    looks: tuple[int, ...] = ()
    bound: Bound = "obrien-fleming"
    correction: str = "holm"
    primary: str | None = None
    against: str = "random"
    family: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A plan and what it was made from. ``names`` are the full names of the experiment's strategies."""

    experiment: Experiment
    names: tuple[str, ...]
    pilot: Pilot
    wish: Wish
    #: What the pilot did in another way than the experiment does.
    other: tuple[str, ...] = ()

    @cached_property
    def family(self) -> tuple[str, ...]:
        """What is tested together: as asked for, else the primary comparison alone, else every strategy."""
        primary = (self.wish.primary,) if self.wish.primary else ()
        every = tuple(name for name in competitors(self.names) if name != self.wish.against)
        return tuple(dict.fromkeys([*primary, *(self.wish.family or primary or every)]))

    @cached_property
    def test(self) -> PairedTest:
        """The test of one comparison of the family, without looks."""
        return PairedTest(self.wish.level, max(len(self.family), 1), self.wish.one_sided)

    @cached_property
    def deviation(self) -> Deviation:
        """What the difference of the primary comparison varies by, over seeds."""
        own = self.pilot.measured.get(self.wish.primary or "") if self._with_random else None
        found = self._of_our_draws(own) if own else self.pilot.components.of_difference(self._draws)
        if not found.value > 0:
            raise UserError(
                "The pilot does not say what a difference varies by: it has no seed with two draws of random "
                "that differ."
            )
        return found

    def _of_our_draws(self, own: Deviation) -> Deviation:
        """What the pilot measured, where a difference is to the mean of another number of draws."""
        draw, more = self.pilot.components.draw, 1 / self._draws - 1 / self.pilot.draws
        if not more or not draw.is_known:
            return own
        return own.times(math.sqrt(max(own.value**2 + more * draw.value**2, 0.0)) / own.value)

    @property
    def _with_random(self) -> bool:
        return self.wish.against == RANDOM

    @property
    def _draws(self) -> int:
        """Trajectories a seed whose mean a strategy is compared with."""
        return self.experiment.references if self._with_random else 1

    @property
    def deviation_of(self) -> str:
        """What that was measured on."""
        if self._with_random and self.wish.primary in self.pilot.measured:
            other = (
                f", for {self._draws} draws of {RANDOM} instead" if self._draws != self.pilot.draws else ""
            )
            return f"paired differences of {self.wish.primary} in the pilot{other}"
        mean = f"the mean of {self._draws} others" if self._draws > 1 else "another one"
        return f"draws of {RANDOM} in the pilot, one minus {mean}"

    def in_loss(self, size: Size) -> float:
        """A difference in the unit of the loss. Raises UserError where a share has no gap to be of."""
        gap = self.pilot.gap.mean
        if size.share is not None and not gap > 0:
            raise UserError(
                f"The pilot has no gap to full data, so {size.words} is no difference: run it with "
                "full_data, or state a difference of NAUBC as a number."
            )
        return size.in_loss(gap)

    def needed(self, deviation: float) -> int:
        """Seeds that find the difference and, with a margin, show equivalence where there is none."""
        wish = self.wish
        seeds = seeds_needed(self.in_loss(wish.difference), deviation, wish.power, self.test)
        if wish.margin:
            margin = self.in_loss(wish.margin)
            seeds = max(seeds, seeds_for_equivalence(margin, deviation, wish.power, self.test))
        return seeds

    @cached_property
    def looks(self) -> tuple[int, ...]:
        """Seeds at which it is tested. Raises UserError where nobody would train as many."""
        seeds = self.needed(self.deviation.value)
        if not self.wish.looks and seeds >= MOST_SEEDS:
            raise UserError(
                f"Not even {MOST_SEEDS} seeds would do for {self.wish.difference.words}: state a larger "
                "difference or margin, or lessen what the results vary by."
            )
        return self.wish.looks or (seeds,)

    @cached_property
    def levels(self) -> list[float]:
        """What the smallest p value of the family must keep at each look."""
        return self._levels(self.wish.one_sided)

    def _levels(self, one_sided: bool) -> list[float]:
        try:
            design = GroupSequential(self.looks, self.wish.bound, one_sided)
        except ValueError as error:
            raise UserError(f"--looks: {error}.") from None
        return design.levels(self.test.each)

    @property
    def last(self) -> PairedTest:
        """The test at the last look: its level alone, so that power is told no higher than it is."""
        return PairedTest(self.levels[-1], 1, self.wish.one_sided)

    @property
    def power(self) -> float:
        """That the difference is found, at the last look alone."""
        size = self.in_loss(self.wish.difference)
        return power(size, self.deviation.value, self.looks[-1], self.last)

    @property
    def equivalence(self) -> float | None:
        """That equivalence is shown at the last look, without a difference and with the pilot's gap."""
        if self.wish.margin is None:
            return None
        margin, one_side = (
            self.in_loss(self.wish.margin),
            PairedTest(self._levels(one_sided=True)[-1], 1, True),
        )
        return equivalence_power(margin, self.deviation.value, self.looks[-1], one_side)

    @property
    def hours(self) -> float | None:
        """Of the processor, for all seeds of all strategies."""
        if self.pilot.cost is None:
            return None
        names = self.experiment.every_strategy
        return self.pilot.cost.hours(self.looks[-1], names, self.experiment.full_data)

    def plan(self) -> StudyPlan:
        """The plan. Raises UserError for wishes that make none."""
        wish = self.wish
        fields = {
            "dataset": self.pilot.dataset,
            "budgets": list(self.experiment.budgets),
            "references": self.experiment.references,
            "against": wish.against,
            "primary": wish.primary,
            "family": self.family,
            "correction": wish.correction,
            "one_sided": wish.one_sided,
            "level": wish.level,
            "power": wish.power,
            "difference": _as_written(wish.difference),
            "margin": _as_written(wish.margin) if wish.margin else None,
            "seeds": self._seeds(),
            "looks": self.looks,
            "bound": wish.bound,
            "computed_from": self._basis().model_dump(),
        }
        return validated_plan(fields, "The plan")

    def _seeds(self) -> list[int]:
        """The experiment's first, then those after, without the pilot's: they have been seen."""
        seen = set(self.pilot.seeds)
        chosen = [seed for seed in self.experiment.seeds if seed not in seen][: self.looks[-1]]
        following = max(self.experiment.seeds) + 1
        while len(chosen) < self.looks[-1]:
            if following not in seen and following not in chosen:
                chosen.append(following)
            following += 1
        return chosen

    def _basis(self) -> ComputedFrom:
        pilot, equivalence, hours = self.pilot, self.equivalence, self.hours
        parts = {name: _known(one.value) for name, one in named_components(pilot)}
        return ComputedFrom(
            pilots=tuple(PilotFolder(folder=name, digest=digest) for name, digest in pilot.digests),
            seeds=pilot.seeds,
            draws=pilot.draws,
            gap=_rounded(pilot.gap.mean) if not math.isnan(pilot.gap.mean) else 0.0,
            deviation=_rounded(self.deviation.value),
            deviation_of=self.deviation_of,
            components=parts,
            seeds_needed=self.needed(self.deviation.value),
            power_of_equivalence=None if equivalence is None else round(equivalence, 3),
            hours=None if hours is None else _rounded(hours),
        )


def proposed(experiment: Experiment, pilot: Pilot, wish: Wish, study: Study) -> Proposal:
    """The plan that a wish and a pilot give for an experiment; ``study`` are the pilot's results.

    Raises UserError for comparisons that the experiment does not have, and for a pilot of other data.
    """
    if (data := name_in_results(experiment.dataset)) not in (None, pilot.dataset):
        raise UserError(
            f"The pilot is on {pilot.dataset}, and the experiment on {data}: what results vary by, and the "
            "gap, are of the data."
        )
    names = tuple(resolve(name).name for name in experiment.strategies)
    asked = [*(wish.family), *([wish.primary] if wish.primary else []), wish.against]
    if unknown := [name for name in asked if name not in names]:
        raise UserError(
            f"The experiment has no strategy {unknown[0]!r} to compare; it has: {', '.join(names)}."
        )
    if told := sorted(set(asked) - set(competitors(asked)), key=asked.index):
        raise UserError(f"{told[0]} is told what no strategy may know: a reference, which nothing tests.")
    if wish.against in (*wish.family, wish.primary) or not set(names) - {wish.against}:
        raise UserError(f"{wish.against} is what others are compared with: name another to compare.")
    return Proposal(experiment, names, pilot, wish, tuple(_otherwise(experiment, pilot, study)))


def _otherwise(experiment: Experiment, pilot: Pilot, study: Study) -> Iterator[str]:
    """What decides numbers and was not the same in the pilot."""
    pool, ours = study.results.pool[pilot.dataset], experiment.model_dump(mode="json")
    for source in study.sources_of(pilot.dataset):
        theirs = comparable(source.experiment, pool, str(source.folder / "experiment.yaml"))
        yield from differences(theirs, comparable(ours, pool, "The experiment"))


def named_components(pilot: Pilot) -> list[tuple[str, Deviation]]:
    """What random varies by in a pilot, in words, as ``variance_components`` tells it apart."""
    parts = pilot.components
    return [
        ("seed", parts.seed),
        ("draw", parts.draw),
        ("labelled set", parts.labelled_set),
        ("training", parts.training),
        ("evaluation images", parts.evaluation),
    ]


def _as_written(size: Size) -> str | float:
    return size.words if size.loss is None else size.loss


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else _rounded(value)
