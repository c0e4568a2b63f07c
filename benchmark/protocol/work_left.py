"""What a job does, and how much of it is left to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile

from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench
from benchmark.protocol.jobs import Job, plan
from benchmark.protocol.labels.history import History
from benchmark.protocol.references.constant import has_constant, share_constant
from benchmark.protocol.round_key import key_of
from benchmark.protocol.round_zero import has_record, missing_of, share_round_zero
from benchmark.protocol.train_and_evaluate import stored_round
from benchmark.protocol.trajectory import Turn, run_full_data, run_trajectory
from benchmark.records.round_store import FULL_DATA, Round
from benchmark.training.observe import needs_pass
from strategies.interface import Strategy
from strategies.registry import resolve

__all__ = [
    "Job",
    "Work",
    "images_of",
    "passes_of",
    "plan",
    "rounds_of",
    "run_job",
    "strategies_of",
    "whole_work",
    "work_left",
]


def run_job(bench: Bench, job: Job) -> None:
    """Do one job; what is stored already is not done again."""
    if job.kind == "trajectory":
        run_trajectory(bench, resolve(job.strategy), job.seed)
    elif job.kind == "full-data":
        run_full_data(bench, job.seed)
    else:
        strategies, wanted = strategies_of(bench.experiment), partial(_starts_from, bench, job.seed)
        share_round_zero(bench, job.seed, strategies, wanted)
        share_constant(bench, job.seed)


def strategies_of(experiment: Experiment) -> dict[str, Strategy]:
    """Fresh strategies of an experiment by name; round 0 trains the companions of all."""
    return {named.name: named.create() for named in map(resolve, experiment.every_strategy)}


def _starts_from(bench: Bench, seed: int, strategy: str) -> bool:
    """Whether a strategy may still start from round 0 of a seed: one of its rounds is not stored.

    So results without weights, as an archive has them, are not trained again when there is nothing to add.
    """
    quiet, rounds = replace(bench, progress=Progress(quiet=True)), len(bench.counts)
    return not has_record(quiet, seed) or _kept(quiet, Job("trajectory", seed, strategy), rounds) < rounds


@dataclass(frozen=True)
class Work:
    """What is left to do: trainings, each with its evaluation, forward passes over the whole pool, and
    evaluations of constant predictions.
    """

    trainings: int = 0
    passes: int = 0
    constants: int = 0
    #: Of all trainings together: no other work than they are.
    iterations: int = field(default=0, compare=False)
    #: Trainings by which an oracle judges of images, each measured on those set apart.
    judged: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.trainings + other.trainings,
            self.passes + other.passes,
            self.constants + other.constants,
            self.iterations + other.iterations,
            self.judged + other.judged,
        )


def images_of(bench: Bench, work: Work) -> int:
    """Images in evaluations, an oracle's among them, and in passes over the pool."""
    dataset = bench.dataset
    apart = len(dataset.apart.ids) if dataset.apart else 0
    evaluated = work.trainings * len(dataset.val.ids) + work.judged * apart
    return evaluated + work.passes * len(dataset.train.ids)


def whole_work(bench: Bench, job: Job) -> Work:
    """What a job is when nothing of it is stored."""
    later = len(bench.counts) - 1
    if job.kind != "trajectory":
        return _one_training(bench, job, constants=int(job.kind == "round-0"))
    return _choices(bench, job, range(later)) + Work(later, iterations=_iterations(bench, bench.counts[1:]))


def work_left(bench: Bench, job: Job) -> Work:
    """What a job still has to do: what is not stored, or stored under the key of other code or settings.

    What follows the first round to be done counts as well: only then is known whether it can be kept.
    """
    if job.kind == "round-0":
        quiet = replace(bench, progress=Progress(quiet=True))
        constants = int(_lacks_constant(quiet, job.seed))
        return (
            _one_training(bench, job, constants)
            if _lacks_something(quiet, job.seed)
            else Work(0, 0, constants)
        )
    rounds = 1 if job.kind == "full-data" else len(bench.counts)
    missing = set(range(_kept(bench, job, rounds), rounds))
    if job.kind == "full-data":
        return _one_training(bench, job) if missing else Work()
    trained = [bench.counts[number] for number in missing - {0}]
    chosen = _choices(bench, job, missing - {rounds - 1})  # the last round selects nothing
    return chosen + Work(len(trained), iterations=_iterations(bench, trained))


def _choices(bench: Bench, job: Job, rounds: Collection[int]) -> Work:
    """What choosing takes in these rounds: passes over the pool, and trainings of an oracle."""
    strategy, recipe = resolve(job.strategy).create(), bench.experiment.recipe
    after = [bench.counts[number + 1] for number in rounds]
    judged = [(recipe.shortened(each, length), each) for each in after for length in strategy.judgements]
    iterations = sum(bench.steps_for(short, labelled) for short, labelled in judged)
    passes = len(rounds) * passes_of(strategy)
    return Work(passes=passes, judged=len(judged), iterations=iterations)


def _one_training(bench: Bench, job: Job, constants: int = 0) -> Work:
    """Of the first labelled set, or of the whole pool."""
    labelled = len(bench.dataset.train.ids) if job.kind == "full-data" else bench.counts[0]
    return Work(1, 0, constants, _iterations(bench, [labelled]))


def _iterations(bench: Bench, labelled: Iterable[int]) -> int:
    return sum(bench.steps_for(bench.experiment.recipe, count) for count in labelled)


def _kept(bench: Bench, job: Job, rounds: int) -> int:
    """How many rounds, from the first on, are stored. Raises UserError for one of a newer format."""
    for number in range(rounds):
        bench.store.read(bench.dataset.name, job.name, job.seed, number)
    count = 0
    with suppress(Exception):  # of a strategy's own code: the job meets the same error, and says it
        for _ in takewhile(bool, rounds_of(replace(bench, progress=Progress(quiet=True)), job)):
            count += 1
    return count


def rounds_of(bench: Bench, job: Job) -> Iterator[Round | None]:
    """The stored rounds of a trajectory or a full-data reference in order, by the keys of this experiment.

    None says that the next one is not stored; asked again, it is looked for again.
    """
    return _full_data(bench, job) if job.kind == "full-data" else _trajectory(bench, job)


def _trajectory(bench: Bench, job: Job) -> Iterator[Round | None]:
    named, history = resolve(job.strategy), History.first(bench, job.seed)
    strategy = named.create()
    for number in range(len(bench.counts)):
        turn = Turn(bench, named, strategy, job.seed, number, history)
        while (done := turn.stored()) is None:
            yield None
        yield done
        strategy.load_state_dict(done.strategy_state)
        history = history.after(done, bench)


def _full_data(bench: Bench, job: Job) -> Iterator[Round | None]:
    key = key_of(bench, FULL_DATA, job.seed, 0, list(bench.dataset.train.ids), None)
    while (done := stored_round(bench, FULL_DATA, job.seed, 0, key)) is None:
        yield None
    yield done


def _lacks_something(bench: Bench, seed: int) -> bool:
    """Whether round 0 of a seed is to be trained: it lacks what a strategy trains beside the network, too."""
    try:
        missing = missing_of(bench, seed, strategies_of(bench.experiment))
        return any(_starts_from(bench, seed, name) for name in missing)
    except Exception:  # the job meets the same error, and says it
        return True


def _lacks_constant(bench: Bench, seed: int) -> bool:
    try:
        return not has_constant(bench, seed)
    except Exception:  # as above
        return True


def passes_of(strategy: Strategy) -> int:
    """Forward passes over the pool for one selection. A dropout view is counted whole, and computes less."""
    return 1 + len(strategy.views) if needs_pass(strategy) else 0
