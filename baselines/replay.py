"""Replay: what another run selected, selected again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from baselines._stored_rounds import StoredRound, bought_labels, round_files, stored_round
from strategies import Pool, Selection, Strategy, TaskSpec, register


@register("replay", source="a stored selection, selected again", family="other")
class Replay(Strategy):
    """What a stored run selected when it had the same images labelled, whatever this run's network says.

    Data set, seeds and budgets must be those of the stored run, and of labels that were bought by themselves
    the prices. Images and labels are replayed, loss weights are not:
    the replay of a method that has them shows what its selection is worth alone.
    from: the folder of a stored strategy, RESULTS/DATASET/STRATEGY, or of one seed of it.
    """

    required = ("from",)

    def __init__(self, from_: str = "") -> None:
        self.from_ = from_
        # What bought whole images is asked for whole images.
        self.partial = bool(from_) and bought_labels(self._folder())

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse a folder that is not given or holds no round."""
        del tasks
        round_files(self._folder())

    def select(self, pool: Pool, budget: int) -> Selection:
        """What the stored round with the same labelled images selected.

        Raises ValueError where there is no such round, where several selected different images, and where it
        selected another number of images or one that is not to be had here.
        """
        tasks = [task.name for task in pool.tasks]
        found = stored_round(self._folder(), _known(pool, tasks), tasks)
        position_of = {pool.ids[i]: i for i in pool.unlabelled.tolist()}
        _check(found, budget, set(position_of))
        chosen = np.array([position_of[image] for image in found.selected], dtype=np.int64)
        return Selection(chosen, tasks=found.bought(tasks))

    def _folder(self) -> Path:
        if not self.from_:
            raise ValueError(
                "replay needs the folder of a stored strategy: replay[from=RESULTS/DATASET/STRATEGY]"
            )
        return Path(self.from_).expanduser()


def _known(pool: Pool, tasks: list[str]) -> dict[str, frozenset[str]]:
    """By image with a label the tasks that it has one for."""
    rows = zip(pool.ids, pool.bought.tolist(), strict=True)
    return {
        image: frozenset(task for task, there in zip(tasks, row, strict=True) if there)
        for image, row in rows
        if any(row)
    }


def _check(found: StoredRound, budget: int, unlabelled: set[str]) -> None:
    whole = found.labels is None and found.selected_labels is None
    if whole and len(found.selected) != budget:
        raise ValueError(
            f"{found.file} selected {len(found.selected)} images, not {budget}: give the budgets of that run"
        )
    foreign = next((image for image in found.selected if image not in unlabelled), None)
    if foreign is not None:
        raise ValueError(
            f"{found.file} selected {foreign}, which is no unlabelled image here: give that run's data set"
        )
