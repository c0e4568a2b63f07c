"""The active-learning loop of one strategy and seed: train, evaluate, observe, select, round by round.

A trajectory is a pure function of its configuration. Resuming is running it again: stored rounds are read
back, and what is missing is computed to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.protocol.bench import Bench
from benchmark.protocol.drawn_selections import keep_picks
from benchmark.protocol.labels.history import History
from benchmark.protocol.labels.spending import bought
from benchmark.protocol.prices import digest
from benchmark.protocol.references.oracle import TrainedJudge
from benchmark.protocol.round_key import key_of
from benchmark.protocol.round_zero import round_zero
from benchmark.protocol.train_and_evaluate import (
    Fitted,
    checkpoint_of,
    commit,
    computed_again,
    fit,
    record,
    stored_round,
    tell,
    timed,
)
from benchmark.records.loss_file import ImageLosses
from benchmark.records.round_store import FULL_DATA, Round
from benchmark.training.observe import observe
from benchmark.training.weights import weights_of
from strategies.interface import Known, Pool, Scores, Selection, Strategy
from strategies.registry import Named


def run_trajectory(bench: Bench, named: Named, seed: int) -> None:
    """Play all rounds of one strategy and seed; stored ones are read back. Holds the trajectory's lock."""
    with bench.store.locked(bench.dataset.name, named.name, seed):
        strategy, history = named.create(), History.first(bench, seed)
        for number in range(len(bench.counts)):
            turn = Turn(bench, named, strategy, seed, number, history)
            # Read back or computed, the loop goes on from the record alone: so a resumed run cannot differ.
            done = turn.stored() or turn.committed()
            # After a stored round this is all that the strategy remembers; after a computed one it changes
            # nothing.
            strategy.load_state_dict(done.strategy_state)
            history = history.after(done, bench)


def run_full_data(bench: Bench, seed: int) -> None:
    """Train one network on the whole pool: the loss that strategies try to reach with fewer labels."""
    positions = np.arange(len(bench.dataset.train.ids))
    with bench.store.locked(bench.dataset.name, FULL_DATA, seed):
        key = key_of(bench, FULL_DATA, seed, 0, list(bench.dataset.train.ids), None)
        if not stored_round(bench, FULL_DATA, seed, 0, key):
            bench.progress.at_round(0)
            computed_again(bench, FULL_DATA, seed, 0)
            checkpoint = checkpoint_of(bench, FULL_DATA, seed, key)
            fitted = fit(bench, positions, bench.streams(seed, 0), checkpoint=checkpoint)
            ids = bench.ids_at(positions)
            done = record(bench, FULL_DATA, seed, 0, key, ids, fitted)
            commit(bench, done, fitted.image_losses)
            tell(bench, FULL_DATA, seed, len(positions), fitted)


@dataclass(frozen=True)
class Turn:
    """One round of one trajectory."""

    bench: Bench
    named: Named
    strategy: Strategy
    seed: int
    number: int
    history: History

    def stored(self) -> Round | None:
        """This round as an earlier run left it."""
        return stored_round(self.bench, self.named.name, self.seed, self.number, self._key())

    def committed(self) -> Round:
        """This round played and stored, in the place of what was stored under another key."""
        computed_again(self.bench, self.named.name, self.seed, self.number)
        return commit(self.bench, *self.play())

    def play(self) -> tuple[Round, ImageLosses | None]:
        """Train and evaluate, then observe the pool and select, unless this is the last round."""
        self.bench.progress.at_round(self.number)
        fitted = self._fit()
        seconds = dict(fitted.seconds)
        selection = self._select(fitted, seconds) if self._selects else None
        if self.number:  # round 0 is one training, shared by all strategies, which has been told of
            tell(self.bench, self.named.name, self.seed, len(self.history.positions), fitted)
        done = _round(
            self.bench,
            self.named.name,
            self.seed,
            self.number,
            self._key(),
            self.history,
            fitted,
            selection,
            self.strategy,
            seconds,
        )
        return done, fitted.image_losses

    @property
    def _selects(self) -> bool:
        """Whether something is bought: after the last round nothing is."""
        return self.number + 1 < len(self.bench.counts)

    def _fit(self) -> Fitted:
        # One network for all strategies, whatever they train beside it.
        if self.number == 0:
            return round_zero(self.bench, self.seed, self.named.name, self.strategy)
        streams = self.bench.streams(self.seed, self.number)
        companions = {self.named.name: self.strategy}
        checkpoint = checkpoint_of(self.bench, self.named.name, self.seed, self._key())
        history, weights = self.history, self._weights()
        labels, worth = history.mask, self.bench.counts[self.number]
        return fit(self.bench, history.positions, streams, weights, companions, checkpoint, labels, worth)

    def _weights(self) -> Scores | None:
        return weights_of(self.strategy, self.named.name, self.history.ranks, self.history.draws)

    def _select(self, fitted: Fitted, seconds: dict[str, float]) -> Selection:
        bench, name = self.bench, self.named.name
        network, companion = fitted.trained.network, fitted.trained.companions.get(name)
        recipe, streams = bench.experiment.recipe, bench.streams(self.seed, self.number)
        size, precision, say = recipe.evaluation_batch_size, recipe.precision, bench.progress.say
        with timed(seconds, "observe", bench.device):
            rows = observe(network, companion, bench.pool, self.strategy, name, streams, size, precision, say)
        with timed(seconds, "select", bench.device):
            pool = self._pool(rows)
            selection = bought(self.strategy, name, pool)
        with timed(seconds, "pictures", bench.device):
            if len(selection.indices):
                keep_picks(bench, self.strategy, name, fitted.trained, streams, pool, selection)
        return selection

    def _pool(self, rows: dict[str, NDArray[Any]]) -> Pool:
        bench, history = self.bench, self.history
        spent = history.spent(bench)
        return Pool(
            tasks=tuple(task.spec for task in bench.dataset.tasks),
            ids=bench.dataset.train.ids,
            labelled=history.whole,
            unlabelled=np.flatnonzero(~history.bought.all(1)),
            rows=rows,
            round=self.number,
            budget_left=bench.counts[-1] - spent,
            costs=bench.costs,
            rng=bench.streams(self.seed, self.number).numpy("strategy"),
            known=self._known(),
            budget=bench.counts[self.number + 1] - spent,
            mask=history.mask,
        )

    def _known(self) -> Known:
        """What a reference is told; an oracle, by a judge of this round."""
        known = self.bench.known(self.strategy)
        if not self.strategy.reference or "usefulness" not in self.strategy.knows:
            return known
        of_round = self.named.name, self.seed, self.number, self.history.positions, self._key()
        return replace(known, judge=TrainedJudge(self.bench, *of_round, self.history.mask))

    def _key(self) -> str:
        bench, history = self.bench, self.history
        ids, labels, costs = bench.ids_at(history.positions), history.labels(bench), digest(bench.costs)
        return key_of(bench, self.named.code, self.seed, self.number, ids, self._weights(), labels, costs)


def _round(
    bench: Bench,
    strategy: str,
    seed: int,
    number: int,
    key: str,
    history: History,
    fitted: Fitted,
    selection: Selection | None,
    memory: Strategy,
    seconds: dict[str, float],
) -> Round:
    scores = None if selection is None or selection.scores is None else selection.scores.tolist()
    likely = (
        None if selection is None or selection.probabilities is None else selection.probabilities.tolist()
    )
    done = record(bench, strategy, seed, number, key, bench.ids_at(history.positions), fitted)
    return replace(
        history.priced(done, bench),
        selected_labels=history.wanted(selection, bench) if selection else None,
        selected=tuple(bench.ids_at(selection.indices)) if selection else (),
        scores=scores,
        probabilities=likely,
        notes={name: float(value) for name, value in selection.notes.items()} if selection else {},
        strategy_state=memory.state_dict(),
        seconds=seconds,
    )
