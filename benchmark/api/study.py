"""A study: its numbers as data frames, its figures, comparisons of its strategies, its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from benchmark.errors import UserError
from benchmark.records.sweep_folder import is_sweep
from benchmark.report import Report, read_studies, terminal_text, write_report
from benchmark.report.formats.html import as_html
from benchmark.report.results.study import Study as Read
from benchmark.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.api.comparison import Comparison
    from benchmark.report.statistics.dataset_statistics import DatasetStatistics


def load(*sources: str | Path) -> Study:
    """Read a folder of results, or a zip file of `mtal export`; several are one study where they compare.

    Nothing of it is executed. Raises UserError for what is no such folder, and for folders whose numbers do
    not compare.

    Examples:
        >>> study = load("docs/study/first/camvid.zip")
        >>> study
        Study('docs/study/first/camvid.zip': camvid, 5 strategies, 3 seeds)
        >>> study.naubc.groupby("strategy")["naubc"].mean().round(2)
        strategy
        consistency-diversity    1.82
        core-set                 1.81
        entropy                  1.96
        learning-loss            1.97
        random                   1.84
        Name: naubc, dtype: float64
    """
    paths = tuple(map(Path, sources))
    if not paths:
        raise UserError("Give the folder of a run, or several.")
    if sweeps := [path for path in paths if is_sweep(path)]:
        raise UserError(f"{sweeps[0]} holds a sweep: read it by load_sweep, or give the folder of a variant.")
    return Study(paths, read_studies(paths))


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """The results of a run: what `run` and `load` return. `print(study)` is the table that `mtal run` prints.

    All numbers are those of the report, by the same code, and say the same as its tables.
    """

    #: Where it was read from: folders of results, or zip files of `mtal export`.
    sources: tuple[Path, ...]
    #: What the report is made of.
    read: Read
    #: Jobs of this run that failed, and why: a line each.
    failures: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of results, or the zip file. Raises UserError where there are several."""
        if len(self.sources) > 1:
            raise UserError(f"This study is of {len(self.sources)} folders: see its sources.")
        return self.sources[0]

    @property
    def experiment(self) -> Mapping[str, Any]:
        """The fields of its ``experiment.yaml``. Raises UserError where there are several."""
        return self.read.sources[0].experiment if self.folder else {}

    @property
    def datasets(self) -> list[str]:
        """Names of its data sets."""
        return self.read.results.datasets

    @property
    def strategies(self) -> list[str]:
        """Names of its strategies, sorted."""
        return self.read.results.strategies

    @property
    def seeds(self) -> list[int]:
        """Its seeds, sorted."""
        return sorted(set(self.read.results.compared["seed"].tolist()))

    @cached_property
    def results(self) -> pd.DataFrame:
        """The long table: a row for each data set, strategy, seed, round, task and metric, as `results.csv`.

        ``share`` is labelled / pool; ``value`` is NaN where it is missing. Every draw of random is a strategy
        of its own here.
        """
        return self.read.results.table.copy()

    @cached_property
    def naubc(self) -> pd.DataFrame:
        """The area under the curve of the total validation loss, a row a trajectory: ``tables/naubc.csv``."""
        from benchmark.report.tables.headline_table import areas

        return areas(self._evidence)

    @cached_property
    def headline(self) -> pd.DataFrame:
        """A row a strategy: mean NAUBC and 95 % t interval over seeds, the paired difference to random with
        its corrected p value, the labels that it needs. As in ``tables/headline.csv``."""
        from benchmark.report.tables.headline_table import long_table

        return long_table(self._evidence)

    @cached_property
    def _evidence(self) -> list[DatasetStatistics]:
        from benchmark.report.statistics.dataset_statistics import all_evidence

        return all_evidence(self.read.results)

    def plot(self, task: str = "total", dataset: str | None = None, *, columns: Literal[1, 2] = 1) -> Figure:
        """Curves over the share of labelled images, as the report draws them: the total loss, or of a task.

        ``columns`` is the width, in columns of a paper. Raises UserError for a task or a data set that the
        results do not hold, and with several data sets unless one is named.

        Examples:
            >>> figure = load("docs/study/first/camvid.zip").plot(task="semseg")
            >>> [ax.get_ylabel() for ax in figure.axes][2:]
            ['mIoU (%) ↑', 'Pixel accuracy (%) ↑']
        """
        from benchmark.report.dataset_results import DatasetResults
        from benchmark.report.drawing.paper_style import Paper
        from benchmark.report.figures.loss_curves import curves_of

        return curves_of(DatasetResults(self.read, self._named(dataset)), task, Paper(columns)).figure()

    def compare(self, strategy: str, against: str) -> Comparison:
        """One strategy against another, paired by seed: the words and numbers of `mtal compare`.

        Raises UserError for a strategy that the results do not hold.

        Examples:
            >>> compared = load("docs/study/first/camvid.zip").compare("entropy", "random")
            >>> compared.numbers[["seeds", "mean", "low", "high"]].round(2)
               seeds  mean   low  high
            0      3  0.12 -0.09  0.32
        """
        from benchmark.api.comparison import comparison_of

        return comparison_of(self.read.results, strategy, against)

    def report(
        self,
        out: str | Path | None = None,
        *,
        strategies: Sequence[str] | None = None,
        columns: Literal[1, 2] = 1,
        captions: bool = True,
    ) -> Report:
        """Write tables, figures and the page, as `mtal report` does: into the folder, or into ``out``."""
        where = None if out is None else Path(out)
        return write_report(
            *self.sources, columns=columns, captions=captions, strategies=strategies, out=where
        )

    def _named(self, dataset: str | None) -> str:
        names = self.datasets
        if (name := dataset or (names[0] if len(names) == 1 else "")) in names:
            return name
        given = f"there is no data set {dataset!r}" if dataset else f"there are {len(names)} data sets"
        raise UserError(f"dataset: {given}; give one of {', '.join(names)}.")

    def __str__(self) -> str:
        return terminal_text(self.read)

    def __repr__(self) -> str:
        where, data = ", ".join(map(str, self.sources)), ", ".join(self.datasets)
        strategies = counted(len(self.strategies), "strategy", "strategies")
        return f"Study({where!r}: {data}, {strategies}, {counted(len(self.seeds), 'seed')})"

    def _repr_html_(self) -> str:
        """In a notebook: the headline and the losses of every data set, with their notes."""
        from benchmark.report.tables.headline_table import make_headline
        from benchmark.report.tables.loss_table import make_table

        results = self.read.results
        begun = [found for found in self._evidence if found.budgets]
        tables = [
            table
            for found in begun
            for table in (
                make_headline(found).named(results.label_in(found.dataset)),
                make_table(results, found.dataset),
            )
        ]
        return f"<p><code>{escape(repr(self))}</code></p>" + "".join(map(as_html, tables))
