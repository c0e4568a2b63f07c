"""Whether images of a high score are worth more labels than others: a table from trainings on batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.records.round_store import FULL_DATA, Round
from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import table_files
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study, once
from benchmark.report.statistics.intervals import t_interval
from benchmark.words import counted
from strategies.interface import Scores

TOTAL, LOSS = "total", "loss"


@dataclass(frozen=True)
class Usefulness:
    """One data set's trainings: by strategy, numbers of each seed.

    ``fifths[name]`` (5 x seeds) is the total loss after training on images of a fifth too, lowest scores
    first, minus that after random ones; ``chosen`` the same of what the strategy chose itself; ``trend``
    minus the rank correlation of fifth and loss over batches, so that over 0 a higher score is worth more;
    ``with_loss`` the rank correlation of the score with the network's true loss over unlabelled images.
    ``gap`` is the loss after random batches minus that of full data, a number a seed.
    """

    dataset: str
    batches: int
    fifths: Mapping[str, Scores]
    chosen: Mapping[str, Sequence[float]]
    trend: Mapping[str, Sequence[float]]
    with_loss: Mapping[str, Sequence[float]]
    gap: Sequence[float]

    @property
    def seeds(self) -> int:
        """The most seeds that any strategy has."""
        return max(int(np.asarray(values).shape[-1]) for values in self.fifths.values())

    @property
    def scale(self) -> float:
        """The gap in the mean over seeds; NaN where it is not known or not above 0."""
        mean = float(np.mean(self.gap)) if self.gap else math.nan
        return mean if mean > 0 else math.nan


def render(study: Study) -> dict[str, bytes]:
    """Every batch's losses for machines, and a table a data set; none where the use of none was measured."""
    tables = tables_of(study)
    if not tables:
        return {}
    rows = [
        {"dataset": done.dataset, "strategy": done.strategy, "seed": done.seed, **done.notes}
        | {"task": task, "loss": values[LOSS]}
        for subject in subjects(study)
        for done in _batches(subject)
        for task, values in done.metrics.items()
    ]
    return table_files("usefulness", pd.DataFrame(rows), tables)


def tables_of(study: Study) -> list[Table]:
    """A table for every data set of which this was measured."""
    return [table for subject in subjects(study) if (table := table_of(subject))]


def table_of(subject: DatasetResults) -> Table | None:
    """A row a score, the one whose high fifth is worth most first, references apart; None without any."""
    found = measured(subject)
    return (
        make_table(found, subject.results.references).named(subject.results.label_in(subject.dataset))
        if found
        else None
    )


def measured(subject: DatasetResults) -> Usefulness | None:
    """What trainings on batches say of a data set, in all folders of the study; None where there are none."""
    losses = _losses(_batches(subject))
    base = losses[losses.strategy == RANDOM].groupby("seed").loss.mean()
    scored = losses[(losses.fifth > 0) & losses.seed.isin(base.index)]
    if scored.empty:
        return None
    stored = subject.study.rounds_of(subject.dataset)
    names = list(dict.fromkeys(scored.strategy))
    seeds, fifths = list(base.index), range(1, int(scored.fifth.max()) + 1)
    return Usefulness(
        dataset=subject.dataset,
        batches=int(scored.groupby(["strategy", "seed", "fifth"]).size().min()),
        fifths={name: _of_fifths(scored[scored.strategy == name], base, fifths) for name in names},
        chosen={name: _chosen(stored, name, base) for name in names},
        trend={name: _by_seed(scored[scored.strategy == name], seeds) for name in names},
        with_loss={name: _noted(scored[scored.strategy == name]) for name in names},
        gap=_gap(stored, base),
    )


def make_table(found: Usefulness, references: frozenset[str] = frozenset()) -> Table:
    """The table of one data set."""
    order = sorted(found.fifths, key=lambda name: _worth(found.fifths[name][-1]))
    rows = [(name, _row(found, name)) for name in order]
    count = len(found.fifths[order[0]])
    unit = "% of the gap" if not math.isnan(found.scale) else "loss"
    return Table(
        heads=[*(f"fifth {number}" for number in range(1, count + 1)), "its choice", "trend", "with loss"],
        rows=[row for row in rows if row[0] not in references],
        references=[row for row in rows if row[0] in references],
        caption=(
            f"{found.dataset}: total loss after training on images of each fifth of the unlabelled ones by a "
            f"score (1 the lowest) and on what the strategy chose itself, minus that after as many random "
            f"images, in {unit}: below 0 they are worth more than random ones."
        ),
        notes=_notes(found),
    )


def _worth(losses: Sequence[float] | Scores) -> float:
    """The mean over the seeds; what is not known comes last."""
    mean = float(np.mean(losses))
    return math.inf if math.isnan(mean) else mean


def _notes(found: Usefulness) -> list[str]:
    gap = found.scale
    scale = f" The gap, of random batches to full data, is {gap:.4g}." if not math.isnan(gap) else ""
    return [
        f"Mean \N{PLUS-MINUS SIGN} half-width of the 95 % t interval over {counted(found.seeds, 'seed')}, "
        f"{counted(found.batches, 'batch', 'batches')} of each fifth and seed.{scale}",
        "trend: minus the rank correlation of fifth and loss over batches: over 0, a higher score is worth "
        "more. with loss: rank correlation of the score with the true loss of unlabelled images (of "
        "true-loss, where it is among the strategies).",
    ]


def _row(found: Usefulness, name: str) -> list[Cell]:
    scale = 1 if math.isnan(found.scale) else found.scale / 100
    digits = ".3f" if math.isnan(found.scale) else ".1f"
    differences = [np.asarray(values) / scale for values in (*found.fifths[name], found.chosen[name])]
    cells = [_cell(values, f"+{digits}", found.seeds) for values in differences]
    others = (part.get(name, ()) for part in (found.trend, found.with_loss))
    return [*cells, *(_cell(part, "+.2f", found.seeds) for part in others)]


def _cell(values: Sequence[float] | Scores, form: str, seeds: int) -> Cell:
    kept = [float(value) for value in values if not math.isnan(value)]
    if not kept:
        return Cell(MISSING)
    mean, low, _ = t_interval(kept)
    half = mean - low
    spread = "" if math.isnan(half) else f" \N{PLUS-MINUS SIGN} {half:{form[1:]}}"
    return Cell(f"{mean:{form}}", spread, fewer_seeds(len(kept), seeds))


def _batches(subject: DatasetResults) -> list[Round]:
    """Those of the strategies that are shown, and the random ones that all are measured by."""
    hidden = subject.results.left_out - {RANDOM}
    every = once(done for source in subject.study.sources for done in source.usefulness)
    return [done for done in every if done.dataset == subject.dataset and done.strategy not in hidden]


def _losses(batches: Sequence[Round]) -> pd.DataFrame:
    rows = [
        (
            done.strategy,
            done.seed,
            int(done.notes["fifth"]),
            done.metrics[TOTAL][LOSS],
            done.notes.get("with loss", math.nan),
        )
        for done in batches
    ]
    return pd.DataFrame(rows, columns=["strategy", "seed", "fifth", "loss", "with_loss"])


def _noted(rows: pd.DataFrame) -> list[float]:
    """The correlation with the loss by seed, which every batch of a seed notes."""
    return [float(value) for value in rows.groupby("seed").with_loss.first()]


def _of_fifths(rows: pd.DataFrame, base: pd.Series, fifths: Sequence[int]) -> Scores:
    """Fifths x seeds; NaN where a measurement that was stopped has none."""
    means = rows.pivot_table(index="fifth", columns="seed", values="loss", aggfunc="mean").reindex(fifths)
    return np.asarray((means - base[means.columns]).to_numpy(), np.float64)


def _chosen(stored: Sequence[Round], name: str, base: pd.Series) -> list[float]:
    ends = [done for done in stored if done.strategy == name and done.round == 1 and done.seed in base.index]
    return [float(done.metrics[TOTAL][LOSS] or math.nan) - float(base[done.seed]) for done in ends]


def _by_seed(rows: pd.DataFrame, seeds: Sequence[int]) -> list[float]:
    """Minus Spearman's correlation of fifth and loss by seed."""
    of_seeds = (rows.loc[rows.seed == seed, ["fifth", "loss"]].rank() for seed in seeds)
    return [-float(ranked["fifth"].corr(ranked["loss"])) for ranked in of_seeds]


def _gap(stored: Sequence[Round], base: pd.Series) -> list[float]:
    full = {done.seed: done.metrics[TOTAL][LOSS] for done in stored if done.strategy == FULL_DATA}
    return [float(base[seed]) - float(full[seed] or math.nan) for seed in base.index if seed in full]
