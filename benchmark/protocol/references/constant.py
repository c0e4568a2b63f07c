"""The best constant prediction of a seed's first labels, evaluated and stored: a reference, never ranked."""

from __future__ import annotations

from dataclasses import replace

from benchmark.protocol.bench import Bench
from benchmark.protocol.labels.history import History
from benchmark.protocol.round_key import key_of
from benchmark.protocol.train_and_evaluate import Evaluated, commit, record, stored_round, timed
from benchmark.records.round_store import CONSTANT, Round
from benchmark.training.constant_prediction import best_constants, evaluate_constants


def has_constant(bench: Bench, seed: int) -> bool:
    """Whether that of a seed is stored, under the settings of this experiment."""
    return stored_round(bench, CONSTANT, seed, 0, _key(bench, seed)) is not None


def share_constant(bench: Bench, seed: int) -> None:
    """Find and evaluate the best constant prediction by the first labelled set of a seed, unless stored."""
    with bench.store.locked(bench.dataset.name, CONSTANT, seed):
        if not has_constant(bench, seed):
            commit(bench, _evaluated(bench, seed))


def _evaluated(bench: Bench, seed: int) -> Round:
    size, seconds = bench.experiment.recipe.evaluation_batch_size, dict[str, float]()
    with timed(seconds, "evaluate", bench.device):
        positions, labels = bench.first_labels(seed)
        constants = best_constants(bench.pool.with_labels(labels), positions, size)
        metrics = evaluate_constants(constants, bench.judged, size, bench.progress.say)
    written = {task: None if one is None else one.tolist() for task, one in constants.items()}
    first, what = History.first(bench, seed), Evaluated(metrics, seconds)
    done = record(bench, CONSTANT, seed, 0, _key(bench, seed), bench.ids_at(first.positions), what)
    return replace(first.priced(done, bench), strategy_state={"constants": written})


def _key(bench: Bench, seed: int) -> str:
    first = History.first(bench, seed)
    return key_of(bench, CONSTANT, seed, 0, bench.ids_at(first.positions), None, first.labels(bench))
