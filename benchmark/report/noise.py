"""The noise floor in numbers: what spread is of the training alone, and which differences it hides."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import gammaincinv  # scipy.stats takes half a second to import

from benchmark.report.cells import MISSING, Cell, Table
from benchmark.report.load import TOTAL_LOSS
from benchmark.report.paired import detectable_difference
from benchmark.report.study import Study
from benchmark.report.tables import head
from benchmark.store import Round, Store

SEEDS = (4, 5, 10)


@dataclass(frozen=True)
class Floor:
    """Total losses of one labelled set under several training seeds; standard deviation, 95 % interval."""

    labelled: int
    losses: tuple[float, ...]
    deviation: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """The mean loss."""
        return float(np.mean(self.losses))


def render(study: Study) -> dict[str, bytes]:
    """The files of the noise floor by their path within the results folder; none where none was measured."""
    found = {subject: measured(study, subject) for subject in study.results.datasets}
    parts = {name: floor for name, floor in found.items() if floor}
    if not parts:
        return {}
    rows = [
        {"dataset": name, "labelled": f.labelled, "trainings": len(f.losses), "mean": f.mean}
        | {"deviation": f.deviation, "low": f.low, "high": f.high}
        for name, floor in parts.items()
        for f in floor
    ]
    texts = [f"{name}\n\n{noise_text(floor, study.results.pool[name])}\n" for name, floor in parts.items()]
    return {
        "tables/noise_floor.csv": pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode(),
        "tables/noise_floor.txt": "\n".join(texts).encode(),
    }


def notes(study: Study) -> list[str]:
    """A sentence for each data set whose floor was measured."""
    found = {name: measured(study, name) for name in study.results.datasets}
    pool = study.results.pool
    return [f"{name}: {noise_note(floor, pool[name])}" for name, floor in found.items() if floor]


def measured(study: Study, dataset: str) -> list[Floor]:
    """The floor of a data set, from all folders of the study."""
    return floors([done for source in study.sources for done in Store(source.folder).noise_rounds(dataset)])


def floors(rounds: Sequence[Round]) -> list[Floor]:
    """The floor at every budget, from the stored trainings of one data set."""
    task, metric = TOTAL_LOSS
    losses: dict[int, list[float]] = defaultdict(list)
    for done in rounds:
        loss = done.metrics.get(task, {}).get(metric)
        if loss is not None:
            losses[len(done.labelled)].append(loss)
    return [_floor(labelled, found) for labelled, found in sorted(losses.items())]


def noise_text(found: Sequence[Floor], pool: int) -> str:
    """The floor at every budget beside the gain of the step to it, and what so many seeds could show."""
    if not found:
        return "No training of the noise floor is stored."
    lines = [
        f"{'labelled':<16}{'trainings':>10}{'mean loss':>11}{'deviation (95 %)':>28}{'gain of step':>14}"
    ]
    for before, floor in zip([None, *found], found, strict=False):
        gain = "" if before is None else f"{before.mean - floor.mean:.4f}"
        spread = f"{floor.deviation:.4f} ({floor.low:.4f} to {floor.high:.4f})"
        counted = f"{len(floor.losses):>10}{floor.mean:>11.4f}"
        lines.append(f"{head(floor.labelled, pool):<16}{counted}{spread:>28}{gain:>14}")
    return "\n".join([*lines, "", *_powers(found)])


def make_table(dataset: str, found: Sequence[Floor], pool: int) -> Table:
    """The same as a table: a row a budget."""
    gains = ["", *(f"{before.mean - floor.mean:.4f}" for before, floor in pairwise(found))]
    names = [head(floor.labelled, pool) for floor in found]
    return Table(
        heads=["trainings", "mean loss", "deviation", "gain of the step to it"],
        rows=list(zip(names, map(_cells, found, gains), strict=True)),
        references=[],
        caption=(
            f"{dataset}: total loss of one labelled set trained with several training seeds, its standard "
            "deviation (95 % interval), and the gain of the step from the budget before."
        ),
        notes=_powers(found),
        of="labelled",
    )


def noise_note(found: Sequence[Floor], pool: int) -> str:
    """One sentence for a table of losses."""
    listed = "; ".join(f"{floor.deviation:.3g} at {head(floor.labelled, pool)}" for floor in found)
    fewest = min(len(floor.losses) for floor in found)
    return (
        f"Noise floor: one labelled set trained with {fewest} training seeds spreads by a standard deviation "
        f"of {listed}."
    )


def _floor(labelled: int, losses: Sequence[float]) -> Floor:
    count = len(losses)
    if count < 2:
        return Floor(labelled, tuple(losses), math.nan, math.nan, math.nan)
    deviation = float(np.std(losses, ddof=1))
    low, high = (deviation * math.sqrt((count - 1) / _chi_squared(q, count - 1)) for q in (0.975, 0.025))
    return Floor(labelled, tuple(losses), deviation, low, high)


def _cells(floor: Floor, gain: str) -> list[Cell]:
    counted = [Cell(str(len(floor.losses))), Cell(f"{floor.mean:.4f}")]
    spread = Cell(f"{floor.deviation:.4f}", f" ({floor.low:.4f} to {floor.high:.4f})")
    if math.isnan(floor.deviation):
        spread = Cell(MISSING)
    return [*counted, spread, Cell(gain)]


def _chi_squared(level: float, degrees: int) -> float:
    return float(2 * gammaincinv(degrees / 2, level))


def _powers(found: Sequence[Floor]) -> list[str]:
    worst = max((floor.deviation for floor in found), default=math.nan)
    if math.isnan(worst):
        return ["Two trainings or more at every budget give a spread."]
    of_pair = math.sqrt(2) * worst
    shown = ", ".join(f"{seeds} seeds {detectable_difference(of_pair, seeds):.4f}" for seeds in SEEDS)
    return [
        f"Two strategies that label alike differ by a deviation of {of_pair:.4f} at the noisiest budget, "
        "from the training alone.",
        f"A true difference there is found in four studies of five if it is at least: {shown}.",
    ]
