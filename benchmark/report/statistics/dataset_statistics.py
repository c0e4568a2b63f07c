"""What one data set says of its strategies: the numbers that headline, page, comparison, figures share."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.experiment.study_plan import StudyPlan
from benchmark.report.results.load import FULL_DATA, Results, total_loss
from benchmark.report.results.random_draws import RANDOM, draws_of
from benchmark.report.statistics.comparable import comparable
from benchmark.report.statistics.design.planned_tests import Planned, planned
from benchmark.report.statistics.evaluation_images import ImageAreas, image_areas
from benchmark.report.statistics.full_data_gap import FullDataGap, full_data_gap
from benchmark.report.statistics.holm_family import LEVEL, Family, against_reference
from benchmark.report.statistics.intervals import ranking
from benchmark.report.statistics.labels_needed import Curves, Labels, curves, full_data
from benchmark.report.statistics.naubc import naubc_of
from benchmark.report.statistics.oracle_gain import OracleGain, oracle_gain
from benchmark.report.statistics.paired_tests import Comparison, best, compare_all, compared


@dataclass(frozen=True)
class DatasetStatistics:
    """What one data set says of its strategies; ``naubc`` has one row per trajectory, references included.

    ``family`` says which comparisons p values and detectable differences are corrected for: those of the
    whole experiment, also where ``left_out`` are not shown; what a planned one detects is so in the plan's.
    ``against_random`` is empty without random. ``needed`` are labels for the full-data loss as a share of the
    pool, ``matching`` those for the loss that random has at the last budget.
    """

    dataset: str
    pool: int
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]
    naubc: pd.DataFrame
    family: Family
    #: Every comparison of the family; ``against_random`` are those that are shown.
    compared: tuple[Comparison, ...]
    against_random: tuple[Comparison, ...]
    gap: FullDataGap
    #: What an oracle won over random, where one ran.
    oracle: OracleGain
    needed: Mapping[str, Labels]
    matching: Mapping[str, Labels]
    references: frozenset[str]
    #: NAUBC image by image, where losses of single validation images are kept.
    image_areas: ImageAreas
    left_out: frozenset[str] = frozenset()
    #: What the study's plan decides, if it has one.
    planned: Planned | None = None
    #: Every strategy and reference from the best on, also where it is not shown (see ``comparable``).
    from_best: tuple[str, ...] = ()
    #: Of the whole experiment: the lowest NAUBC, and what a test does not tell from it; none with a plan.
    lowest: frozenset[str] = frozenset()

    @property
    def order(self) -> tuple[list[str], list[str]]:
        """Strategies from the lowest mean NAUBC on, those without one last; and the references by name."""
        shown = set(self.naubc["strategy"])
        ranked = [name for name in self.from_best if name in shown - self.references]
        return ranked, sorted(self.references & shown)

    @property
    def is_tested(self) -> bool:
        """Whether anything is tested at all: there may be too few seeds, or no random."""
        return any(not math.isnan(one.corrected) for one in self.against_random)

    @property
    def differing(self) -> list[Comparison]:
        """The strategies that differ from random beyond doubt, by the corrected test; best first."""
        return [one for one in self.against_random if one.corrected < LEVEL]

    @property
    def exploratory(self) -> list[Comparison]:
        """Those of them that no plan names."""
        return [one for one in self.differing if not self.is_planned(one)]

    def is_planned(self, one: Comparison) -> bool:
        """Whether the plan names the pair, whichever way round: no other test of it counts."""
        return self.planned is not None and self.planned.either(one.strategy, one.against) is not None

    def shown(self, names: Collection[str]) -> DatasetStatistics:
        """The same numbers of these strategies alone: none changes with what is shown."""
        hidden = set(self.naubc["strategy"]) - set(names)
        return replace(
            self,
            naubc=self.naubc[self.naubc["strategy"].isin(names)],
            against_random=tuple(one for one in self.against_random if one.strategy in names),
            needed={name: labels for name, labels in self.needed.items() if name in names},
            matching={name: labels for name, labels in self.matching.items() if name in names},
            left_out=self.left_out | hidden,
        )


def evidence(results: Results, dataset: str) -> DatasetStatistics:
    """Everything that is said of one data set, from all total losses of its experiment."""
    found = _of_experiment(results.whole, dataset)
    return found.shown(set(results.of(dataset)["strategy"])) if results.left_out else found


def all_evidence(results: Results) -> list[DatasetStatistics]:
    """That of every data set."""
    return [evidence(results, dataset) for dataset in results.datasets]


def ranked_areas(found: DatasetStatistics) -> pd.DataFrame:
    """The NAUBC of every trajectory of a strategy that saw no labels, as column ``value``."""
    areas = found.naubc[~found.naubc["strategy"].isin(found.references)]
    return areas.rename(columns={"naubc": "value"})


def _of_experiment(results: Results, dataset: str) -> DatasetStatistics:
    rows, pool = total_loss(results.of(dataset)), results.pool[dataset]
    learned = rows[rows["strategy"] != FULL_DATA]
    budgets = tuple(sorted(set(learned["labelled"])))
    areas = naubc_of(learned, budgets)
    family = against_reference(set(areas["strategy"]) - results.references, RANDOM)
    every = curves(rows)
    values = areas.rename(columns={"naubc": "value"})
    gap = _gap(every, rows)
    decided = _planned(results, dataset, values, gap)
    comparisons = tuple(_at_its_level(one, values, decided) for one in compare_all(values, family))
    return DatasetStatistics(
        dataset=dataset,
        pool=pool,
        budgets=budgets,
        seeds=tuple(sorted(set(learned["seed"]))),
        naubc=areas,
        family=family,
        compared=comparisons,
        against_random=comparisons,
        gap=gap,
        oracle=oracle_gain(areas, results.oracles),
        needed=_shares(every, full_data(rows), pool),
        matching=_shares(every, _last_of_random(every, budgets), pool),
        references=results.references,
        image_areas=_image_areas(results, dataset, budgets),
        planned=decided,
        from_best=tuple(_from_best(values)),
        lowest=frozenset() if decided else _lowest(values, results.references),
    )


def _from_best(values: pd.DataFrame) -> list[str]:
    means = comparable(values).groupby("strategy")["value"].mean()
    return ranking(means.reindex(sorted(set(values["strategy"]))).to_frame())


def _lowest(values: pd.DataFrame, references: frozenset[str]) -> frozenset[str]:
    ranked = values[~values["strategy"].isin(references)]
    return best(ranked, ranked["seed"].nunique())


def _at_its_level(one: Comparison, values: pd.DataFrame, decided: Planned | None) -> Comparison:
    """A planned comparison detects what it does at the level of the plan's family, whatever else was run."""
    if decided is None or decided.either(one.strategy, one.against) is None:
        return one
    level = decided.plan.level / len(decided.plan.family)
    return replace(one, detectable=compared(values, one.strategy, one.against, level).detectable)


def _image_areas(results: Results, dataset: str, budgets: tuple[int, ...]) -> ImageAreas:
    rows = results.trajectories(dataset)
    learned = rows.loc[rows["strategy"] != FULL_DATA, ["strategy", "seed"]].drop_duplicates()
    return image_areas(results.image_totals, dataset, budgets, learned.itertuples(index=False, name=None))


def _planned(results: Results, dataset: str, values: pd.DataFrame, gap: FullDataGap) -> Planned | None:
    kept = results.plans.get(dataset)
    if kept is None:
        return None
    lacking = _lacking(kept.plan, total_loss(results.trajectories(dataset)))
    return planned(kept.plan, values, gap, tuple(kept.differences()), lacking)


def _lacking(plan: StudyPlan, rows: pd.DataFrame) -> set[int]:
    """Seeds without all draws of random that the plan has, at all its budgets."""
    learned = rows[rows["strategy"] != FULL_DATA]
    seeds = {int(seed) for seed in learned["seed"]}
    if learned["labelled"].nunique() < len(plan.budgets):  # nobody has come to the last one yet
        return seeds
    if plan.against != RANDOM:
        return set()
    counts = draws_of(learned).pivot_table(index="seed", columns="labelled", values="draws", fill_value=0)
    least = counts.min(axis="columns")
    return seeds - {int(seed) for seed in least.index[least >= plan.references]}


def _gap(every: Curves, rows: pd.DataFrame) -> FullDataGap:
    return full_data_gap(every.by_name.get(RANDOM, pd.DataFrame()), full_data(rows))


def _shares(every: Curves, target: pd.Series, pool: int) -> dict[str, Labels]:
    """Labels for a target as shares of the pool, of every strategy."""
    return {name: every.needed(name, target).over(pool) for name in every.by_name}


def _last_of_random(every: Curves, budgets: tuple[int, ...]) -> pd.Series:
    """The loss of random at the last budget; empty without it."""
    there = RANDOM in every.by_name and budgets[-1] in every.by_name[RANDOM]
    return every.loss_of(RANDOM, budgets[-1]) if there else pd.Series(dtype=float)
