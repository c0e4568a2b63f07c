"""Any score per task, where labels are bought by themselves."""

from __future__ import annotations

from strategies import Modifier, Pool, Selection, register
from strategies.labels_bought import bought_in_order, missing_pairs, percentiles
from strategies.score_normalisation import highest
from strategies.scoring import all_tasks


@register(
    "partial",
    source="greedy by value over price (Dantzig 1957), a label's value being its percentile",
    family="modifier",
)
class Partial(Modifier):
    """The base's scores, by which labels are bought one by one: the highest percentile over price first.

    A label's percentile is the share of the labels to be had for its task that have a lower score, so that
    scores of different tasks compare; where the base has none for a task, they are drawn at random.
    What the budget no longer pays is passed over for what it does. With equal prices the tasks are about
    equally often bought; a cheap task is bought down to the percentile at which another one is worth more
    for its price.
    base: any strategy that chooses by a score per task.
    """

    partial = True

    def select(self, pool: Pool, budget: int) -> Selection:
        """Labels for the round's price."""
        del budget
        scores, pairs = self.scores(pool), missing_pairs(pool)
        # Equal ones would all stand at one half: above every cheaper label of other tasks, or never reached.
        drawn = {task.name: pool.rng.random(len(pool.ids)) for task in pool.tasks if task.name not in scores}
        compared = all_tasks(pool, {**scores, **drawn})
        worth = (percentiles(compared, pool.bought) / pool.costs)[pairs.images, pairs.tasks]
        best = pairs.at(highest(worth, len(worth), pool.rng))
        return bought_in_order(pool, best, all_tasks(pool, scores))
