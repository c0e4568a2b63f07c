"""The table of costs: seconds a round by stage, and peak memory."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import table_files
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.study import Study
from benchmark.report.tables.costs import STAGES, costs, know_processor, mean_costs
from strategies.reference import without_draw

STAGE_NAMES = {"train": "training", "evaluate": "evaluation", "observe": "pool pass", "select": "selection"}


def costs_of(subject: DatasetResults) -> pd.DataFrame:
    """What every stored round of one data set cost, as ``costs`` gives it."""
    table = costs(subject.study.rounds_of(subject.dataset), is_of_processor(subject))
    table = table.assign(strategy=table["strategy"].map(without_draw))
    return table.dropna(how="all", subset=list(STAGES)).astype(dict.fromkeys(STAGES, float))


def is_of_processor(subject: DatasetResults) -> bool:
    """Whether costs are processor time: on a CPU, if all rounds know it. A GPU's time is what passes."""
    return _devices(subject) == ["cpu"] and know_processor(subject.study.rounds_of(subject.dataset))


def caption(subject: DatasetResults) -> str:
    """What was measured, and where."""
    devices = ", ".join(_devices(subject))
    where = f" on {devices}" if devices else ""
    what = "processor time" if is_of_processor(subject) else f"elapsed time{_beside(subject)}"
    over = "mean over rounds and seeds; round 0, which all share, counts for each"
    return f"{subject.dataset}{where}: {what}, {over}."


def _devices(subject: DatasetResults) -> list[str]:
    found = (source.environment.get("device") for source in subject.study.sources_of(subject.dataset))
    return list(dict.fromkeys(str(device) for device in found if device))


def _beside(subject: DatasetResults) -> str:
    """What a processor does besides lengthens the time that passes."""
    return ", other work of the machine included" if _devices(subject) == ["cpu"] else ""


def render(study: Study) -> dict[str, bytes]:
    """The files of the table by their path within the folder of the report; none without stored costs."""
    found = [(subject, costs_of(subject)) for subject in subjects(study)]
    found = [(subject, spent) for subject, spent in found if not spent.empty]
    if not found:
        return {}
    means = [mean_costs(spent) for _, spent in found]
    tables = [make_table(subject, mean) for (subject, _), mean in zip(found, means, strict=True)]
    return table_files("cost", pd.concat(means), tables)


def make_table(subject: DatasetResults, means: pd.DataFrame) -> Table:
    """The table of one data set."""
    rows = {str(row["strategy"]): _cells(row) for row in means.to_dict("records")}
    below = [name for name in (*subject.evidence.order[1], FULL_DATA) if name in rows]
    return Table(
        heads=[*(f"{name} (s)" for name in STAGE_NAMES.values()), "peak memory (MB)"],
        rows=[(name, rows[name]) for name in subject.ranked if name in rows],
        references=[(name, rows[name]) for name in below],
        caption=caption(subject),
        notes=["Peak memory: of the device if it is a GPU, else of the process, over all it did until then."],
    ).named(subject.results.label_in(subject.dataset))


def _cells(row: dict[str, float]) -> list[Cell]:
    return [*(Cell(_seconds(row[stage])) for stage in STAGES), Cell(f"{row['peak_memory_mb']:.0f}")]


def _seconds(number: float) -> str:
    return MISSING if math.isnan(number) else "< 0.001" if number < 0.001 else f"{number:.3g}"
