"""The noise in numbers: what two strategies differ by that choose alike, and which differences that hides."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import gammaincinv  # scipy.stats takes half a second to import

from benchmark.records.round_store import NOISE_FLOOR, NOISE_SELECTION, Round
from benchmark.report.formats.numbers import head
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.results.load import TOTAL_LOSS
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study, once
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.full_data_gap import FullDataGap
from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.naubc import naubc
from benchmark.report.statistics.paired_tests import detectable_difference
from strategies.reference import without_draw

SEEDS = (4, 5, 10)


@dataclass(frozen=True)
class Spread:
    """A standard deviation, its 95 % interval, and how many values it is from."""

    deviation: float
    low: float
    high: float
    count: int

    @property
    def words(self) -> str:
        """With its interval."""
        return f"{self.deviation:.4f} ({self.low:.4f} to {self.high:.4f})"


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


@dataclass(frozen=True)
class Noise:
    """The spread of the loss at every budget, and that of the difference of two NAUBC of one seed.

    Such a difference has nothing of the first budget, whose network both share. ``training`` is its standard
    deviation where both label the same images, ``paired`` where each labels its own random ones, as two
    strategies without any merit do; None where fewer than two were trained.

    ``comparisons`` are those of the study, which the level of a test is divided by; ``draws`` the random
    trajectories a seed whose mean a strategy is compared with.
    """

    floors: tuple[Floor, ...]
    training: Spread | None
    paired: Spread | None
    comparisons: int = 1
    draws: int = 1
    gap: FullDataGap | None = None

    def detectable(self, seeds: int) -> float:
        """The true difference of NAUBC to random that so many seeds find in four studies of five."""
        spread = self.paired or self.training
        if spread is None:
            return math.nan
        to_mean = spread.deviation * math.sqrt((1 + 1 / self.draws) / 2)
        return detectable_difference(to_mean, seeds, LEVEL / self.comparisons)


def render(study: Study) -> dict[str, bytes]:
    """The files of the noise by their path within the results folder; none where none was measured."""
    found = {subject: measured(study, subject) for subject in study.results.datasets}
    parts = {name: noise for name, noise in found.items() if noise}
    if not parts:
        return {}
    rows = [
        {"dataset": name, "labelled": f.labelled, "trainings": len(f.losses), "mean": f.mean}
        | {"deviation": f.deviation, "low": f.low, "high": f.high}
        for name, noise in parts.items()
        for f in noise.floors
    ]
    texts = [f"{name}\n\n{noise_text(noise, study.results.pool[name])}\n" for name, noise in parts.items()]
    return {
        "tables/noise_floor.csv": pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode(),
        "tables/noise_floor.txt": "\n".join(texts).encode(),
    }


def notes(study: Study) -> list[str]:
    """A sentence for each data set whose noise was measured."""
    found = {name: measured(study, name) for name in study.results.datasets}
    pool = study.results.pool
    return [f"{name}: {noise_note(noise, pool[name])}" for name, noise in found.items() if noise]


def measured(study: Study, dataset: str) -> Noise | None:
    """The noise of a data set, from all folders of the study; None where none was measured."""
    repeats, draws = (
        once(done for source in study.sources for done in source.noise_of(dataset, part))
        for part in (NOISE_FLOOR, NOISE_SELECTION)
    )
    if not repeats:
        return None
    found = evidence(study.results, dataset)
    comparisons, of_random = _planned(study, dataset)
    return noise_of(
        repeats,
        draws,
        found.family.size or comparisons,
        study.results.draws_in(dataset) or of_random,
        found.gap,
    )


def measured_text(study: Study, dataset: str) -> str:
    """What ``mtal noise`` prints."""
    found = measured(study, dataset) or Noise((), None, None)
    return noise_text(found, study.results.pool[dataset])


def _planned(study: Study, dataset: str) -> tuple[int, int]:
    """Comparisons with random that are planned, and draws of random a seed; 1 where nothing is said."""
    sources = study.sources_of(dataset)
    about = [(name, one) for source in sources for name, one in source.strategies.items()]
    compared = {without_draw(name) for name, one in about if not one.get("reference")} - {RANDOM}
    draws = [source.experiment.get("references") for source in sources]
    return max(len(compared), 1), max((number for number in draws if isinstance(number, int)), default=1)


def noise_of(
    repeats: Sequence[Round],
    draws: Sequence[Round],
    comparisons: int = 1,
    of_random: int = 1,
    gap: FullDataGap | None = None,
) -> Noise:
    """The noise from the stored trainings of one data set: repeats of one set, and draws of others.

    Repeat 0 is the first draw.
    """
    budgets = sorted({done.size for done in (*repeats, *draws)})
    every_draw = [*(done for done in repeats if done.seed == 0), *draws]
    training, paired = (_of_pair(areas_after_first(rounds, budgets)) for rounds in (repeats, every_draw))
    return Noise(tuple(floors(repeats)), training, paired, comparisons, of_random, gap)


def floors(rounds: Sequence[Round]) -> list[Floor]:
    """The floor at every budget, from the stored trainings of one data set."""
    losses: dict[int, list[float]] = defaultdict(list)
    for done in rounds:
        if (loss := _loss(done)) is not None:
            losses[done.size].append(loss)
    return [_floor(labelled, found) for labelled, found in sorted(losses.items())]


def noise_text(noise: Noise, pool: int) -> str:
    """What two NAUBC differ by that choose alike, what seeds could show, and the loss at every budget."""
    if not noise.floors:
        return "No training of the noise floor is stored."
    lines = [
        f"{'labelled':<16}{'trainings':>10}{'mean loss':>11}{'deviation (95 %)':>28}{'gain of step':>14}"
    ]
    for before, floor in zip([None, *noise.floors], noise.floors, strict=False):
        gain = "" if before is None else f"{before.mean - floor.mean:.4f}"
        counted = f"{len(floor.losses):>10}{floor.mean:>11.4f}"
        spread = f"{floor.deviation:.4f} ({floor.low:.4f} to {floor.high:.4f})"
        lines.append(f"{head(floor.labelled, pool):<16}{counted}{spread:>28}{gain:>14}")
    return "\n".join([*lines, "", *_conclusion(noise)])


def make_table(dataset: str, noise: Noise, pool: int) -> Table:
    """The same as a table: a row a budget."""
    gains = ["", *(f"{before.mean - floor.mean:.4f}" for before, floor in pairwise(noise.floors))]
    names = [head(floor.labelled, pool) for floor in noise.floors]
    return Table(
        heads=["trainings", "mean loss", "deviation", "gain of the step to it"],
        rows=list(zip(names, map(_cells, noise.floors, gains), strict=True)),
        references=[],
        caption=(
            f"{dataset}: total loss of one labelled set trained with several training seeds, its standard "
            "deviation (95 % interval), and the gain of the step from the budget before."
        ),
        notes=_conclusion(noise),
        of="labelled",
    )


def noise_note(noise: Noise, pool: int) -> str:
    """One sentence for a table of losses."""
    if noise.paired or noise.training:
        return f"Noise: {' '.join(_conclusion(noise))}"
    listed = "; ".join(f"{floor.deviation:.3g} at {head(floor.labelled, pool)}" for floor in noise.floors)
    return f"Noise floor: one labelled set spreads over training seeds by a standard deviation of {listed}."


def _conclusion(noise: Noise) -> list[str]:
    """What the spread says of a study: of NAUBC, of paired differences, with the choice of images in it."""
    if noise.paired:
        alone = f" One set under two training seeds: {noise.training.words}." if noise.training else ""
        found = (
            "Two strategies that choose as random does differ in NAUBC, paired by seed, by a standard "
            f"deviation of {noise.paired.words}, the choice of images included.{alone}"
        )
    elif noise.training:
        found = (
            "Two strategies that label the same images differ in NAUBC, paired by seed, by a standard "
            f"deviation of {noise.training.words} from the training alone. The choice of images, mostly the "
            "larger part, is not in it: run `mtal noise` again."
        )
    else:
        return ["Two trainings or more at two budgets or more give a spread of NAUBC."]
    return [found, _powers(noise)]


def _powers(noise: Noise) -> str:
    many = f" at the level corrected for {noise.comparisons} comparisons" if noise.comparisons > 1 else ""
    mean = f" the mean of {noise.draws} draws of" if noise.draws > 1 else ""
    shown = ", ".join(f"{seeds} seeds {_detectable(noise, seeds)}" for seeds in SEEDS)
    return (
        f"A true difference of NAUBC to{mean} random is found in four studies of five{many} if it is at "
        f"least: {shown}."
    )


def _detectable(noise: Noise, seeds: int) -> str:
    size = noise.detectable(seeds)
    share = noise.gap.percent(size) if noise.gap else ""
    return f"{size:.4f}{f' ({share} of the gap to full data)' if share else ''}"


def _loss(done: Round) -> float | None:
    task, metric = TOTAL_LOSS
    return done.metrics.get(task, {}).get(metric)


def areas_after_first(rounds: Sequence[Round], budgets: Sequence[int]) -> list[float]:
    """The NAUBC of every repeat or draw that has all budgets after the first, which counts as 0 for all."""
    losses: dict[int, dict[int, float]] = defaultdict(dict)
    for done in rounds:
        if (loss := _loss(done)) is not None:
            losses[done.seed][done.size] = loss
    later = budgets[1:]
    whole = [of_seed for of_seed in losses.values() if later and all(size in of_seed for size in later)]
    return [naubc(budgets, [0.0, *(of_seed[size] for size in later)]) for of_seed in whole]


def _of_pair(values: Sequence[float]) -> Spread | None:
    """The spread of the difference of two such values."""
    if len(values) < 2:
        return None
    one = _spread(values)
    root = math.sqrt(2)
    return Spread(root * one.deviation, root * one.low, root * one.high, one.count)


def _spread(values: Sequence[float]) -> Spread:
    count = len(values)
    if count < 2:
        return Spread(math.nan, math.nan, math.nan, count)
    deviation = float(np.std(values, ddof=1))
    low, high = (deviation * math.sqrt((count - 1) / _chi_squared(q, count - 1)) for q in (0.975, 0.025))
    return Spread(deviation, low, high, count)


def _floor(labelled: int, losses: Sequence[float]) -> Floor:
    spread = _spread(losses)
    return Floor(labelled, tuple(losses), spread.deviation, spread.low, spread.high)


def _cells(floor: Floor, gain: str) -> list[Cell]:
    counted = [Cell(str(len(floor.losses))), Cell(f"{floor.mean:.4f}")]
    spread = Cell(f"{floor.deviation:.4f}", f" ({floor.low:.4f} to {floor.high:.4f})")
    if math.isnan(floor.deviation):
        spread = Cell(MISSING)
    return [*counted, spread, Cell(gain)]


def _chi_squared(level: float, degrees: int) -> float:
    return float(2 * gammaincinv(degrees / 2, level))
