"""Round 0 of a seed, trained once and shared by all strategies.

Networks see no strategy: the first labelled set, the weights and the batches are the same for all, and what
strategies train beside the network leaves it unchanged. So all their companions are trained in one go.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmark.errors import BusyError
from benchmark.networks import Network, build_network, placed
from benchmark.networks.normalisation import without_weights
from benchmark.protocol.bench import Bench
from benchmark.protocol.labels.history import History
from benchmark.protocol.round_key import key_of
from benchmark.protocol.train_and_evaluate import (
    Fitted,
    checkpoint_of,
    commit,
    fit,
    record,
    stored_round,
    tell,
)
from benchmark.random_streams import global_torch_stream
from benchmark.records.round_store import ROUND_ZERO, Round, digest_of, read_blob, write_blob
from benchmark.training.companions.modules import make_companion
from benchmark.training.train import Trained, state_digest
from strategies.interface import Strategy
from strategies.registry import resolve

PATIENCE = 60.0  # seconds: trajectories of a seed that start together read it one after the other
#: The record of a round 0, and ``{"network": state, "companions": {strategy and its code: state}}``.
Stored = tuple[Round, dict[str, Any]]


def share_round_zero(
    bench: Bench, seed: int, strategies: Mapping[str, Strategy], wanted: Callable[[str], bool]
) -> None:
    """Train round 0 of a seed with the companions of these strategies, unless that is stored.

    ``wanted`` says of a strategy that lacks something, by its name, whether it still needs it.
    """
    with bench.store.locked(bench.dataset.name, ROUND_ZERO, seed):
        # Under the lock: of jobs that start together, one trains and the others find it stored.
        missing = missing_of(bench, seed, strategies)
        if needed := {name: strategy for name, strategy in missing.items() if wanted(name)}:
            _compute(bench, seed, needed)


def has_record(bench: Bench, seed: int) -> bool:
    """Whether the record of round 0 of a seed is stored, with or without its weights."""
    return stored_round(bench, ROUND_ZERO, seed, 0, _key(bench, seed)) is not None


def missing_of(bench: Bench, seed: int, strategies: Mapping[str, Strategy]) -> dict[str, Strategy]:
    """Those of the strategies for which round 0 of a seed, or their companion in it, is not stored."""
    stored = _stored(bench, seed)
    return _lacking(bench, seed, stored, strategies) if stored else dict(strategies)


def _lacking(
    bench: Bench, seed: int, stored: Stored, strategies: Mapping[str, Strategy]
) -> dict[str, Strategy]:
    """Those of the strategies that have a companion which is not among the stored ones.

    A strategy that was added, or whose code was edited, has none there yet. Others wait while this is asked,
    so one network at most is made, and none for strategies that say nothing of companions.
    """
    _, weights = stored
    doubtful = {
        name: strategy
        for name, strategy in strategies.items()
        if _code(name) not in weights["companions"] and type(strategy).companion is not Strategy.companion
    }
    if not doubtful:
        return {}
    network, streams = _network(bench, seed), bench.streams(seed, 0)
    return {n: s for n, s in doubtful.items() if make_companion(s, network, streams) is not None}


def round_zero(bench: Bench, seed: int, name: str, strategy: Strategy) -> Fitted:
    """The network and metrics of round 0, with this strategy's companion; computed if not stored."""
    with _held(bench, seed):
        stored = _stored(bench, seed)
        if stored is None or _lacking(bench, seed, stored, {name: strategy}):
            return _compute(bench, seed, {name: strategy})
    return _load(bench, seed, stored, name, strategy)


@contextmanager
def _held(bench: Bench, seed: int) -> Iterator[None]:
    """Hold round 0 of a seed, after whoever holds it now, however long: nobody is at this very job, and a
    killed process holds nothing.
    """
    lock = partial(bench.store.locked, bench.dataset.name, ROUND_ZERO, seed)
    with ExitStack() as held:
        try:
            held.enter_context(lock(wait=PATIENCE))
        except BusyError:
            bench.progress.say(f"round-0, seed {seed} is held by another process: waiting for it")
            held.enter_context(lock(wait=inf))
        yield


def _compute(bench: Bench, seed: int, strategies: Mapping[str, Strategy]) -> Fitted:
    bench.progress.at_round(0)
    positions, labels = bench.first_labels(seed)
    # A checkpoint holds companions, so it fits these strategies alone; the round itself fits all.
    key = digest_of([_key(bench, seed), sorted(map(_code, strategies))])
    checkpoint = checkpoint_of(bench, ROUND_ZERO, seed, key)
    streams = bench.streams(seed, 0)
    fitted = fit(bench, positions, streams, None, strategies, checkpoint, labels, bench.counts[0])
    _say_if_other(bench, seed, fitted)
    before = _stored_weights(bench, seed)
    # Companions of an earlier training are kept if its network came out the same, bit for bit: they saw the
    # same outputs.
    same = before and state_digest(before["network"]) == fitted.weights_digest
    companions = dict(before["companions"]) if before and same else {}
    companions |= {_code(name): module.state_dict() for name, module in fitted.trained.companions.items()}
    content = {"network": fitted.trained.network.state_dict(), "companions": companions}
    # Weights before the record: a record without its weights would count as done.
    write_blob(_weights_file(bench, seed), _to_bytes(content))
    commit(bench, _record(bench, seed, fitted), fitted.image_losses)
    tell(bench, "first set", seed, len(positions), fitted)
    return fitted


def _say_if_other(bench: Bench, seed: int, fitted: Fitted) -> None:
    """That strategies of before began from a network of other last bits, where they did."""
    before = stored_round(bench, ROUND_ZERO, seed, 0, _key(bench, seed))
    if before and before.weights_digest != fitted.weights_digest:
        bench.progress.say(
            f"round-0, seed {seed} was trained again and is not the same bit for bit, as on another "
            "processor or a GPU without `deterministic: true`; strategies that are stored began from the "
            "earlier one"
        )


def _stored(bench: Bench, seed: int) -> Stored | None:
    """The record and the weights, if both are there and sound."""
    done = stored_round(bench, ROUND_ZERO, seed, 0, _key(bench, seed))
    weights = _stored_weights(bench, seed) if done else None
    if not done or not weights:
        return None
    if state_digest(weights["network"]) != done.weights_digest:
        _warn(bench, seed, "they are of another training")
        return None
    return done, weights


def _load(bench: Bench, seed: int, stored: Stored, name: str, strategy: Strategy) -> Fitted:
    """What is stored as a network and this strategy's companion, which is among it if there is one."""
    done, weights = stored
    network = _network(bench, seed)
    companion = make_companion(strategy, network, bench.streams(seed, 0))
    network.load_state_dict(weights["network"])
    companions = _restored(name, companion, weights["companions"])
    metrics = {
        # JSON has no NaN: stored metrics have null for it.
        t: {m: float("nan") if v is None else v for m, v in vs.items()}
        for t, vs in done.metrics.items()
    }
    kept = bench.store.losses_of(done)
    return Fitted(Trained(network, companions), metrics, done.weights_digest, done.seconds, kept)


def _network(bench: Bench, seed: int) -> Network:
    with global_torch_stream(bench.streams(seed, 0).seed_of("weights")):
        fresh = without_weights(bench.experiment.network)  # the stored ones follow
        network = build_network(fresh, bench.dataset.tasks)
    return placed(network, bench.device)


def _restored(name: str, companion: nn.Module | None, states: Mapping[str, Any]) -> dict[str, nn.Module]:
    if companion is None:
        return {}
    companion.load_state_dict(states[_code(name)])
    return {name: companion}


def _code(name: str) -> str:
    """What a companion is kept under: that of changed code is trained again."""
    return resolve(name).code


def _record(bench: Bench, seed: int, fitted: Fitted) -> Round:
    first = History.first(bench, seed)
    ids = bench.ids_at(first.positions)
    return first.priced(record(bench, ROUND_ZERO, seed, 0, _key(bench, seed), ids, fitted), bench)


def _key(bench: Bench, seed: int) -> str:
    first = History.first(bench, seed)
    return key_of(bench, ROUND_ZERO, seed, 0, bench.ids_at(first.positions), None, first.labels(bench))


def _weights_file(bench: Bench, seed: int) -> Path:
    return bench.store.trajectory(bench.dataset.name, ROUND_ZERO, seed) / "weights.pt"


def _stored_weights(bench: Bench, seed: int) -> dict[str, Any] | None:
    content = read_blob(_weights_file(bench, seed))
    if content is None:
        return None
    try:
        # Results come from anywhere: with weights_only nothing in them is executed.
        stored = torch.load(io.BytesIO(content), map_location=bench.device, weights_only=True)
        return {"network": dict(stored["network"]), "companions": dict(stored["companions"])}
    except Exception as error:  # a file may hold anything
        _warn(bench, seed, (str(error) or type(error).__name__).splitlines()[0])
        return None


def _warn(bench: Bench, seed: int, why: str) -> None:
    warnings.warn(f"{_weights_file(bench, seed)} cannot be used ({why}) and is computed again", stacklevel=4)


def _to_bytes(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
