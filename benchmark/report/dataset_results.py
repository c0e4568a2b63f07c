"""One data set of a study, as all its figures and tables see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import pandas as pd

from benchmark.report.results.load import Results, total_loss
from benchmark.report.results.study import Study
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, evidence
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.strategy_styles import Look, looks


@dataclass(frozen=True)
class DatasetResults:
    """One data set: its strategies in one order, with one name and one look each."""

    study: Study
    dataset: str

    @property
    def results(self) -> Results:
        """The results of all data sets."""
        return self.study.results

    @cached_property
    def evidence(self) -> DatasetStatistics:
        """What the headline table says."""
        return evidence(self.results, self.dataset)

    @cached_property
    def losses(self) -> pd.DataFrame:
        """The total losses that are there."""
        return total_loss(self.results.of(self.dataset)).dropna(subset="value")

    @property
    def is_priced(self) -> bool:
        """Whether labels have prices, or were bought by themselves: budgets are in whole images' worth."""
        return self.dataset in self.results.priced

    @property
    def budget_axis(self) -> str:
        """What budgets are shares of, as an axis says it."""
        return "Price (% of all labels)" if self.is_priced else "Labelled images (%)"

    @property
    def ranked(self) -> list[str]:
        """Strategies, best first, without references."""
        return self.evidence.order[0]

    @property
    def order(self) -> list[str]:
        """All strategies: those of ``ranked``, then references."""
        return [name for part in self.evidence.order for name in part]

    @cached_property
    def look(self) -> dict[str, Look]:
        """Colour, dash and marker of every strategy, the same whichever of them are shown."""
        return looks({*self.results.strategies, *self.results.left_out})

    def label(self, name: str) -> str:
        """What figures call a strategy."""
        label = self.results.label_in(self.dataset)(name)
        return f"{label} (reference)" if name in self.results.references else label

    @property
    def seeds(self) -> str:
        """The number of seeds, and whether they allow a test."""
        count = len(self.evidence.seeds)
        few = ", descriptive" if count < SEEDS_FOR_A_TEST else ""
        return f"{count} seed{'s' * (count != 1)}{few}"


@lru_cache(maxsize=1)  # a report is of one study
def subjects(study: Study) -> list[DatasetResults]:
    """Every data set of a study by name: the same objects each time, so that nothing is computed twice."""
    return [DatasetResults(study, dataset) for dataset in study.results.datasets]
