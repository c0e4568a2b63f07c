"""What the page shows, gathered from a study: numbers and words, no markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.drawing.emphasis import emphasis
from benchmark.report.formats.table import Section, Table
from benchmark.report.labels.tables import tables as label_tables
from benchmark.report.page.charts import Chart, task_charts, total_chart
from benchmark.report.page.claim import Claim, claim
from benchmark.report.page.downloads import Downloads, downloads
from benchmark.report.page.gallery import Gallery
from benchmark.report.page.sortable_tables import ShadedTable, SortableTable, shaded, sortable
from benchmark.report.page.style_sheet import SHAPES, Mark
from benchmark.report.results.load import Results
from benchmark.report.results.study import Study
from benchmark.report.strategy_styles import Look, looks
from benchmark.report.study_protocol import protocol
from benchmark.report.tables import (
    cost_table,
    delta_mtl_table,
    evaluation_images_table,
    mean_ranks_table,
    over_datasets_table,
)
from benchmark.report.tables.costs import mean_costs
from benchmark.report.tables.headline_table import make_headline
from benchmark.report.tables.loss_table import make_table
from benchmark.report.tables.matrix_tables import overlaps, penalties
from benchmark.report.validity import measured_noise, usefulness

#: Characters that numbers to download may take of the page.
DATA = 2_000_000


@dataclass(frozen=True)
class Chapter:
    """What the page says of one data set."""

    dataset: str
    claim: Claim
    total: Chart
    tasks: Sequence[Chart]
    headline: SortableTable
    losses: SortableTable
    #: None where the results cannot have them.
    delta: SortableTable | None
    images: SortableTable | None
    costs: SortableTable | None
    noise: SortableTable | None
    usefulness: SortableTable | None
    #: Which labels were bought, and what they were worth; none where images are whole and cost the same.
    labels: Sequence[SortableTable]
    matrices: Sequence[ShadedTable]
    gallery: Gallery = field(default_factory=lambda: Gallery(None, []))


@dataclass(frozen=True)
class Unfinished:
    """A data set of which no strategy has a result yet; its noise, where that was measured."""

    dataset: str
    noise: SortableTable | None


@dataclass(frozen=True)
class Content:
    """All that the template shows."""

    title: str
    chapters: Sequence[Chapter]
    unfinished: Sequence[Unfinished]
    #: Over data sets; nothing where there are too few.
    over_datasets: Sequence[SortableTable]
    ranks: SortableTable | None
    marks: Sequence[Mark]
    protocol: Sequence[Section]
    downloads: Downloads


def gather(study: Study, files: Mapping[str, bytes]) -> Content:
    """Everything on the page but its pictures."""
    every = subjects(study)
    return Content(
        title=_title(study),
        chapters=[_chapter(subject) for subject in every if subject.evidence.budgets],
        unfinished=[_unfinished(subject) for subject in every if not subject.evidence.budgets],
        over_datasets=_over_datasets(study),
        ranks=_ranks(study),
        marks=_marks(study.results),
        protocol=[section for section in protocol(study) if section.facts],
        downloads=downloads(study.results, files, DATA),
    )


def numbers_of(results: Results) -> dict[str, int]:
    """What stands for a strategy's name wherever a name could do harm."""
    return {name: number for number, name in enumerate(results.strategies)}


def looks_of(results: Results) -> list[Look]:
    """As in the figures, in the order of the numbers."""
    return list(looks(results.strategies).values())


def _title(study: Study) -> str:
    names = [str(source.experiment.get("name") or "") for source in study.sources]
    return ", ".join(dict.fromkeys(filter(None, names))) or ", ".join(study.results.datasets)


def _marks(results: Results) -> list[Mark]:
    return [
        Mark(number, name, results.label(name), SHAPES[look.marker], name in results.references)
        for number, (name, look) in enumerate(zip(results.strategies, looks_of(results), strict=True))
    ]


def _unfinished(subject: DatasetResults) -> Unfinished:
    floor = _noise(subject)
    return Unfinished(subject.dataset, sortable(floor) if floor else None)


def _chapter(subject: DatasetResults) -> Chapter:
    results, numbers = subject.results, numbers_of(subject.results)
    rows, pool = results.of(subject.dataset), results.pool[subject.dataset]
    delta, costs, floor = _delta(subject), _costs(subject), _noise(subject)
    worth = usefulness.table_of(subject)
    shown, axis = emphasis(subject), subject.budget_axis
    label = results.label_in(subject.dataset)
    charts = task_charts(rows, numbers, pool, shown, label, results.metrics)
    return Chapter(
        dataset=subject.dataset,
        claim=claim(subject.evidence),
        total=replace(total_chart(rows, numbers, pool, shown, label), axis=axis),
        tasks=[replace(chart, axis=axis) for chart in charts],
        headline=sortable(make_headline(subject.evidence).named(label)),
        losses=sortable(make_table(results, subject.dataset)),
        delta=sortable(delta) if delta else None,
        images=_images(subject),
        costs=sortable(costs) if costs else None,
        noise=sortable(floor) if floor else None,
        usefulness=sortable(worth) if worth else None,
        labels=[sortable(table) for table in label_tables(subject)],
        matrices=[shaded(matrix) for matrix in (penalties(subject), overlaps(subject)) if matrix],
    )


def _delta(subject: DatasetResults) -> Table | None:
    return None if delta_mtl_table.at_last_budget(subject).empty else delta_mtl_table.make_table(subject)


def _images(subject: DatasetResults) -> SortableTable | None:
    table = evaluation_images_table.make_table(subject.evidence)
    return sortable(table.named(subject.results.label_in(subject.dataset))) if table.rows else None


def _costs(subject: DatasetResults) -> Table | None:
    spent = cost_table.costs_of(subject)
    return None if spent.empty else cost_table.make_table(subject, mean_costs(spent))


def _noise(subject: DatasetResults) -> Table | None:
    found = measured_noise.measured(subject.study, subject.dataset)
    pool = subject.results.pool[subject.dataset]
    return measured_noise.make_table(subject.dataset, found, pool) if found else None


def _over_datasets(study: Study) -> list[SortableTable]:
    tables = over_datasets_table.tables_of(over_datasets_table.summaries(study))
    return [sortable(table.named(study.results.label)) for table in tables]


def _ranks(study: Study) -> SortableTable | None:
    found = mean_ranks_table.ranks_of(study)
    return sortable(mean_ranks_table.make_table(found).named(study.results.label)) if found else None
