"""How far the jobs of a folder of results are, live. Imports no torch, and needs no strategy's file."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment, budget_counts, validated
from benchmark.experiment.paths import read_experiment
from benchmark.records.faults import kept_error
from benchmark.records.heartbeat import Sign, read_sign
from benchmark.records.results_folder import ENVIRONMENT, EXPERIMENT, is_held
from benchmark.records.round_store import APART, CONSTANT, FULL_DATA, ROUND_ZERO, folder_name
from benchmark.untrusted_files import LARGEST_INTEGER, read_json
from benchmark.words import counted, printable, span
from strategies.reference import further_draws
from strategies.registry import RegistryError, resolve

EVERY = 2.0  # seconds between two looks
NEEDED = ("budgets", "seeds", "references", "full_data")
IDLE = (
    "Nothing runs now: give the command that began it again to go on. If a scheduler still has jobs of it, "
    "look again when they have begun."
)
OPEN = ("running", "waiting", "failed", "stopped", "lost")  # all states but done
Place = tuple[str, int]  # the name of a folder of results, and a seed


@dataclass(frozen=True)
class State:
    """One trajectory: rounds done of those planned, and what its folder says besides."""

    name: str
    seed: int
    done: int
    planned: int
    sign: Sign | None = None
    error: str | None = None

    @property
    def word(self) -> str:
        """done, running, stopped, lost, failed or waiting."""
        if self.sign is not None and not self.sign.lost:
            return "running"
        if self.done >= self.planned:
            return "done"  # also where a process was killed after its last round
        if self.sign is not None:
            return "stopped" if self.sign.here else "lost"
        return "failed" if self.error else "waiting"

    @property
    def line(self) -> str:
        """Rounds, state and name, and what there is to say about it."""
        rounds = f"{self.done} of {counted(self.planned, 'round')}"
        return printable(f"{rounds}  {self.word:<7}  {self.name}, seed {self.seed}{self._more()}")

    def _more(self) -> str:
        sign = self.sign
        if sign is not None and self.word == "stopped":
            return f": process {sign.pid} is gone; the same command goes on in round {sign.round}"
        if sign is not None and self.word == "lost":
            return f": no sign of process {sign.pid} on {sign.host} for {span(time.time() - sign.updated)}"
        if sign is not None and self.word == "running":
            left = "" if sign.seconds_left is None else f", about {span(sign.seconds_left)} left"
            steps = f"{sign.done} of {sign.total} iterations"
            return f": round {sign.round} on {sign.host}, {sign.device}, {steps}{left}"
        return f": {self.error}" if self.word == "failed" else ""

    def document(self) -> dict[str, Any]:
        """As ``mtal status --json`` gives it; ``process`` is null where none left a sign of life."""
        word = self.word
        return {
            "strategy": self.name,
            "seed": self.seed,
            "state": word,
            "rounds_done": self.done,
            "rounds_planned": self.planned,
            "error": self.error if word == "failed" else None,
            "process": self.sign and _process(self.sign),
        }


@dataclass(frozen=True)
class Status:
    """All trajectories of a folder of results, and their sum."""

    states: tuple[State, ...]

    @property
    def rounds(self) -> tuple[int, int]:
        """Rounds done and planned; round 0s, which trajectories share, are not counted."""
        own = [state for state in self.states if state.name != ROUND_ZERO]
        return sum(min(state.done, state.planned) for state in own), sum(state.planned for state in own)

    @property
    def words(self) -> Counter[str]:
        """How many are in which state."""
        return Counter(state.word for state in self.states)

    @property
    def text(self) -> str:
        """One line a trajectory, and the sum."""
        (done, planned), words = self.rounds, self.words
        rounds = f"{done:,} of {counted(planned, 'round')} in all"
        counts = [f"{words[word]} {word}" for word in OPEN if words[word]]
        total = f"{rounds}; {', '.join(counts)}" if counts else rounds
        return "\n".join([*(state.line for state in self.states), total])

    def document(self) -> dict[str, Any]:
        """As ``mtal status --json`` gives it."""
        done, planned = self.rounds
        return {
            "rounds_done": done,
            "rounds_planned": planned,
            "states": self.words,
            "trajectories": [state.document() for state in self.states],
        }


def status_of(folder: Path) -> Status:
    """What a folder says now. Raises UserError for one without results."""
    return Status(tuple(_states(folder)))


def status_table(folder: Path) -> str:
    """The same in words."""
    return status_of(folder).text


def watched(folder: Path) -> Iterator[str]:
    """The table again and again, until everything is done or failed or nobody is at work any more.

    Raises UserError like ``status_of``.
    """
    while True:
        status = status_of(folder)
        yield status.text
        if status.words.keys() <= {"done", "failed"}:
            return
        if not status.words.keys() & {"running", "lost"} and not is_held(folder):
            yield "\n".join([status.text, IDLE])
            return
        time.sleep(EVERY)


def _process(sign: Sign) -> dict[str, Any]:
    return {
        "host": sign.host,
        "pid": sign.pid,
        "device": sign.device,
        "round": sign.round,
        "iterations_done": sign.done,
        "iterations_total": sign.total,
        "seconds_left": sign.seconds_left,
        "updated": sign.updated,
    }


def _states(folder: Path) -> list[State]:
    """Round 0s that run or failed, all that is planned, and what is stored besides."""
    if not (folder / EXPERIMENT).is_file() or not (folder / ENVIRONMENT).is_file():
        raise UserError(
            f"{folder} holds no results: {EXPERIMENT} is written there by `mtal run --out {folder}`."
        )
    fields = read_experiment(folder / EXPERIMENT)
    known = {name: fields[name] for name in NEEDED if name in fields}
    experiment = validated(known | {"strategies": ["random"]}, str(folder / EXPERIMENT))
    pool = _pool_size(folder / ENVIRONMENT)
    rounds = len(budget_counts(experiment.budgets, pool, str(folder / EXPERIMENT)))
    written = fields.get("strategies", [])
    if not isinstance(written, list):
        raise UserError(f"{folder / EXPERIMENT}: strategies must be a list of names, not {written!r:.60}.")
    names = [_name(str(text)) for text in written]
    planned = _planned(experiment, [*names, *further_draws(names, experiment.references)], rounds)
    return _found(folder, planned, rounds)


def _planned(experiment: Experiment, names: list[str], rounds: int) -> dict[Place, int]:
    planned = {(name, seed): rounds for name in names for seed in experiment.seeds}
    return planned | {(FULL_DATA, seed): 1 for seed in experiment.seeds if experiment.full_data}


def _found(folder: Path, planned: dict[Place, int], rounds: int) -> list[State]:
    signs, errors, done = {}, {}, Counter[Place]()
    names = {folder_name(name): name for name, _ in planned}  # a long name is no whole folder's
    for home in sorted(folder.glob("*/*/seed-*")):
        if not home.name.removeprefix("seed-").isdecimal():
            continue
        name = names.get(home.parent.name, unquote(home.parent.name))
        place = name, int(home.name.removeprefix("seed-"))
        signs[place], errors[place] = read_sign(home), kept_error(home)
        if place[0] not in (*APART, CONSTANT):  # counted by name: a file that is there is whole
            done[place] += sum(1 for _ in home.glob("round-*.json"))
    first = {place: 1 for place in signs if place[0] == ROUND_ZERO and (signs[place] or errors[place])}
    others = {place: rounds for place in +done if place not in planned}  # of a strategy of another name now
    return [
        State(*place, done[place], count, signs.get(place), errors.get(place))
        for place, count in (first | planned | others).items()
    ]


def _name(text: str) -> str:
    """The name under which a strategy's results are stored; a file that it comes from is never executed."""
    name, bracket, values = text.partition("[")
    plain = name.rpartition(".py:")[2] + bracket + re.sub(r"[^\[=,]*\.py:", "", values)
    try:
        return resolve(plain).name
    except (RegistryError, RecursionError):
        return plain


def _pool_size(file: Path) -> int:
    try:
        size = read_json(file)["data"]["pool"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not as `mtal run` writes it: {type(error).__name__}: {error}.") from None
    if not isinstance(size, int) or not 0 < size < LARGEST_INTEGER:
        raise UserError(f"{file}: data.pool must be a number of images, not {size!r:.60}.")
    return size
