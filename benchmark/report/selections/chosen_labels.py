"""What strategies chose, told by labels that they never saw: an analysis of a finished study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.dataset import MultiTaskDataset
from benchmark.errors import UserError
from benchmark.experiment.paths import read_experiment
from benchmark.records.results_folder import EXPERIMENT, read_environment
from benchmark.records.round_store import Round, Store
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.load import FULL_DATA
from benchmark.report.selections.image_labels import SIDE, ImageFacts, image_facts
from benchmark.report.selections.overlap import chosen_images
from benchmark.report.statistics.intervals import t_interval
from benchmark.words import terminal_width
from strategies.reference import without_draw

POOL, TRUE_LOSS = "the whole pool", "true-loss"
IMAGES, DISTANCE = "images chosen", "distance (random = 1)"
#: Random choices that a distance is compared with.
DRAWS = 20


def chosen_text(folder: Path, data_root: Path | None = None, dataset: str | None = None) -> str:
    """The table of ``chosen_labels`` for the terminal.

    ``dataset`` is where the data set of the study is described now, if not where it was. Raises UserError
    without a study in the folder.
    """
    from benchmark.report.formats.text import terminal

    opened, rounds = _dataset_of(folder, data_root, dataset), list(Store(folder).rounds())
    facts = image_facts(opened)
    chosen = chosen_labels(rounds, facts)
    if len(chosen) == 1:
        raise UserError(f"{folder} holds no round after a first selection: run more of the study first.")
    agreement = score_agreement(rounds, opened)
    tables = [_table(opened.name, chosen, facts)] + ([] if agreement.empty else [_agreement(agreement)])
    return terminal(tables, terminal_width())


def chosen_labels(rounds: Iterable[Round], facts: ImageFacts) -> pd.DataFrame:
    """What the images of each strategy's last round show: one row a (strategy, seed), and one of the pool.

    The shared first set is left out but in ``DISTANCE``: of a chosen image to the nearest other labelled one,
    as the root mean square difference of thumbnails, over that of random choices of as many images after the
    same first set. More images lie nearer to each other, so that sets of different size compare only so.
    """
    rows = [
        {
            "strategy": without_draw(last.strategy),
            "seed": last.seed,
            IMAGES: len(chosen),
            **_shown(facts.table, last, chosen),
            DISTANCE: _relative_distance(facts.thumbnails, last, chosen),
        }
        for last, chosen in _last_rounds(rounds)
    ]
    if not rows:
        return pd.DataFrame([_whole(facts)])
    seeds = pd.DataFrame(rows).groupby(["strategy", "seed"], as_index=False).mean()
    return pd.concat([seeds, pd.DataFrame([_whole(facts)])], ignore_index=True)


def _shown(table: pd.DataFrame, last: Round, chosen: Sequence[str]) -> dict[str, float]:
    """The mean of each column over the chosen images, of which the label that it is of was bought."""
    bought = dict(zip(last.labelled, last.labels, strict=True)) if last.labels else {}
    means = {}
    for head in map(str, table.columns):
        task = head.rpartition(" (")[0]
        told = [image for image in chosen if not bought or task in bought[image]]
        means[head] = float(table.loc[told, head].mean())
    return means


def _whole(facts: ImageFacts) -> dict[str, Any]:
    return {"strategy": POOL, "seed": 0, IMAGES: len(facts.table), **facts.table.mean()}


def score_agreement(rounds: Iterable[Round], dataset: MultiTaskDataset) -> pd.DataFrame:
    """Spearman's rank correlation of each strategy's scores with the true losses, a row a (strategy, seed).

    Of round 0 over the images of the pool that have a label for the task, where all strategies of a seed see
    the same network; a column a task. Empty where ``true-loss`` was not run.
    """
    tasks = [task.name for task in dataset.tasks]
    first = {(r.strategy, r.seed): np.array(r.scores) for r in rounds if r.round == 0 and r.scores}
    scores = {key: table for key, table in first.items() if table.shape[1] == len(tasks)}
    held = [key for key in sorted(scores) if (TRUE_LOSS, key[1]) in scores and key[0] != TRUE_LOSS]
    labelled = _labelled(dataset) if held else np.zeros((0, len(tasks)), np.bool_)
    rows = [(key, _correlations(scores[key], scores[TRUE_LOSS, key[1]], labelled)) for key in held]
    return pd.DataFrame(
        [{"strategy": key[0], "seed": key[1], **dict(zip(tasks, row, strict=True))} for key, row in rows]
    )


def _labelled(dataset: MultiTaskDataset) -> NDArray[np.bool_]:
    """Which images of the pool have a label for which task (N x T): without one, there is no true loss."""
    import torch

    from benchmark.data.feed import open_feed

    feed = open_feed(dataset, "train", torch.device("cpu"))
    return feed.labelled(np.arange(len(feed)))


def _correlations(
    scores: NDArray[np.float64], losses: NDArray[np.float64], labelled: NDArray[np.bool_]
) -> list[float]:
    """Of every task; NaN for fewer than two images with a label."""
    from scipy.stats import spearmanr

    known = zip(scores.T, losses.T, labelled.T, strict=True)
    return [
        float(spearmanr(score[where], loss[where]).statistic) if where.sum() > 1 else float("nan")
        for score, loss, where in known
    ]


def _dataset_of(folder: Path, data_root: Path | None, elsewhere: str | None) -> MultiTaskDataset:
    """The data that a study was run on, opened. Raises UserError if they are others now."""
    from benchmark.experiment.catalogue import executes_files, known_dataset, open_dataset

    study = read_experiment(folder / EXPERIMENT)
    name = elsewhere or str(study.get("dataset"))
    if elsewhere is None and executes_files(name):
        raise UserError(
            f"{folder} was run on {name}, which executes a file, and results execute none: say "
            f"--dataset {name}."
        )
    try:
        known_dataset(name)
    except ValueError as error:
        raise UserError(
            f"The data that {folder} was run on are not found: {error}. Say by --dataset where they are."
        ) from None
    dataset = open_dataset(name, study.get("data", {}), data_root)
    if read_environment(folder).get("data", {}).get("digest") != dataset.digest:
        raise UserError(f"{folder} holds results on other data than {name} is now.")
    return dataset


def _relative_distance(thumbnails: pd.DataFrame, last: Round, chosen: Sequence[str]) -> float:
    """The distance of a choice as a factor of that of random choices; NaN where those have none."""
    first = [image for image in last.labelled if image not in set(chosen)]
    free = [str(image) for image in thumbnails.index if image not in set(first)]
    rng = np.random.default_rng(last.seed)
    draws = [list(rng.choice(free, len(chosen), replace=False)) for _ in range(DRAWS)]
    by_chance = float(np.mean([_nearest(thumbnails, first, draw) for draw in draws]))
    return _nearest(thumbnails, first, chosen) / by_chance if by_chance > 0 else float("nan")


def _nearest(thumbnails: pd.DataFrame, first: Sequence[str], chosen: Sequence[str]) -> float:
    """Mean distance of the chosen images to the nearest other labelled one."""
    from scipy.spatial.distance import cdist

    labelled = thumbnails.loc[[*chosen, *first]]
    between = cdist(labelled.iloc[: len(chosen)], labelled) / np.sqrt(labelled.shape[1])
    np.fill_diagonal(between, np.inf)
    return float(between.min(1).mean())


def _last_rounds(rounds: Iterable[Round]) -> list[tuple[Round, list[str]]]:
    """Each trajectory's last round, with what it had chosen after the first set in the order of choice."""
    learned = sorted((r for r in rounds if r.strategy != FULL_DATA), key=lambda r: r.round)
    chosen = chosen_images(learned)
    last = {(done.strategy, done.seed): done for done in learned}
    ends = [(last[key], chosen.get((*key, last[key].size), frozenset())) for key in sorted(last)]
    return [(end, [image for image in end.labelled if image in after]) for end, after in ends if after]


def _table(dataset: str, chosen: pd.DataFrame, facts: ImageFacts) -> Table:
    heads = [head for head in chosen.columns if head not in ("strategy", "seed")]
    chosen = chosen.groupby(["strategy", "seed"], as_index=False).mean()  # over draws of random
    ran = chosen[chosen["strategy"] != POOL]
    every = ran["seed"].nunique()
    rows = {
        str(name): [_images(seeds, every), *(_spread(seeds[head]) for head in heads[1:])]
        for name, seeds in chosen.groupby("strategy")
    }
    pool = rows.pop(POOL)
    return Table(
        heads=heads,
        rows=sorted(rows.items()),
        references=[(POOL, pool)],
        caption=f"{dataset}: what the images show that were chosen by the last round, mean and half-width of "
        f"the 95 % t interval over {every} seeds.",
        notes=list(_notes(ran, facts)),
    )


def _images(of_strategy: pd.DataFrame, seeds: int) -> Cell:
    """How many images a strategy chose in the mean, and over how many seeds if not over all."""
    name, there = of_strategy["strategy"].iloc[0], len(of_strategy)
    short = "" if name == POOL else fewer_seeds(there, seeds)
    return Cell(f"{of_strategy[IMAGES].mean():.4g}", "", short)


def _notes(ran: pd.DataFrame, facts: ImageFacts) -> Iterator[str]:
    for task, names in facts.rare.items():
        if names:
            yield f"rare in {task}, of the classes that any image shows: {', '.join(names)}"
    yield (
        f"distance: to the nearest other labelled image, RMS of {SIDE} x {SIDE} thumbnails, over that of "
        f"{DRAWS} random choices of as many images after the same first set"
    )
    if ran[IMAGES].nunique() > 1:
        yield "strategies that chose fewer images are in an earlier round: what they chose does not compare"


def _agreement(agreement: pd.DataFrame) -> Table:
    heads = [head for head in agreement.columns if head not in ("strategy", "seed")]
    rows = agreement.groupby("strategy")
    return Table(
        heads=heads,
        rows=[(str(name), [_spread(seeds[head], "+.2f") for head in heads]) for name, seeds in rows],
        references=[],
        caption="Rank correlation of scores with the true losses in round 0, mean and half-width of the 95 % "
        f"t interval over {agreement['seed'].nunique()} seeds.",
        notes=[],
    )


def _spread(values: pd.Series, form: str = ".3g") -> Cell:
    """Mean and half-width over seeds; one seed has no spread."""
    there = values.dropna().tolist()
    if not there:
        return Cell(MISSING)
    mean, _, high = t_interval(there)
    half = high - mean
    return Cell(f"{mean:{form}}", "" if np.isnan(half) else f" ± {half:.2g}")
