"""Sends rounds to trackers as they appear on disk; the run neither waits for that nor fails with it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from benchmark.plugins import BACKBONES, NETWORKS
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench
from benchmark.protocol.jobs import folder_of
from benchmark.protocol.work_left import Job, rounds_of
from benchmark.records.round_store import Round, digest_of, write_atomically
from benchmark.tracking.tracker import Curve, Tracker, Writer, listed
from strategies.registry import resolve

EVERY = 5.0  # seconds between two looks at the disk
PATIENCE = 60.0  # seconds that a tracker may be silent once the run is over
HURRY = 5.0  # and if it was stopped
#: What names a folder of results at trackers, wherever it is moved to.
IDENTITY = ".tracking"
#: Of an experiment: what says where it ran, and what names other trajectories.
ELSEWHERE = {"feed", "device", "data_root", "strategies", "seeds", "dataset"}


@contextmanager
def sending(trackers: Mapping[str, Tracker], bench: Bench, jobs: Iterable[Job]) -> Iterator[None]:
    """Send rounds to these trackers while the block runs, and what is left after it.

    The store is looked at, not the jobs: they may run in this process, in others or on other machines.
    """
    couriers = _couriers(trackers, bench, jobs) if trackers else []
    for courier in couriers:
        courier.start()
    patience = HURRY
    try:
        yield
        patience = PATIENCE
    finally:
        for courier in couriers:
            courier.over.set()
        for courier in couriers:
            courier.finish(patience)


def _couriers(trackers: Mapping[str, Tracker], bench: Bench, jobs: Iterable[Job]) -> list[Courier]:
    curves = {job: curve_of(bench, job) for job in jobs if job.kind != "round-0"}
    bench.progress.say(f"Curves go to {listed([tracker.place for tracker in trackers.values()])}")
    return [Courier(name, tracker, bench, curves) for name, tracker in trackers.items()]


class Courier(Thread):
    """Brings one tracker all curves, in a thread of its own: one that hangs holds nobody up.

    Whatever the tracker raises is said once, and nothing more is sent to it.
    """

    def __init__(self, name: str, tracker: Tracker, bench: Bench, curves: Mapping[Job, Curve]) -> None:
        super().__init__(name=f"tracker {name}", daemon=True)
        self.over = Event()
        self._tracker, self._say = tracker, bench.progress.say
        quiet = replace(bench, progress=Progress(quiet=True))
        self._curves = [Sending(quiet, job, curve) for job, curve in curves.items()]
        self._moved = time.monotonic()

    def run(self) -> None:
        """Look until the run is over, and once more after that."""
        try:
            while not self.over.wait(EVERY):
                self._look()
            self._look()
            for curve in self._curves:
                curve.end()
                self._moved = time.monotonic()
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self._say(f"{self.name}: {reason}; no more is sent, and the run goes on")

    def finish(self, patience: float) -> None:
        """Wait for the last rounds for as long as they arrive."""
        self._moved = time.monotonic()
        while self.is_alive() and time.monotonic() - self._moved < patience:
            self.join(0.1)
        if self.is_alive():
            self._say(f"{self.name}: it does not answer; what is missing there is sent by the next run")

    def _look(self) -> None:
        for curve in self._curves:
            for _ in curve.send_new(self._tracker):
                self._moved = time.monotonic()


class Sending:
    """One trajectory on its way to one tracker."""

    def __init__(self, bench: Bench, job: Job, curve: Curve) -> None:
        self._curve = curve
        self._rounds = rounds_of(bench, job)
        self._left = 1 if job.kind == "full-data" else len(bench.counts)
        self._writer: Writer | None = None

    def send_new(self, tracker: Tracker) -> Iterator[Round]:
        """Send the rounds that have appeared, one by one; the last one ends the curve."""
        while done := self._next():
            self._writer = self._writer or tracker.begin(self._curve)
            self._writer.round(done.size, values_of(done))
            self._left -= 1
            yield done
        if not self._left:
            self.end()

    def end(self) -> None:
        """Nothing more is sent from here."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.end()

    def _next(self) -> Round | None:
        try:
            return next(self._rounds, None)
        except Exception:  # of a strategy's own code: the job meets it too, and says it
            return None


def curve_of(bench: Bench, job: Job) -> Curve:
    """A trajectory as trackers know it. Changed code of a plug-in makes it another one."""
    fields = bench.experiment.model_dump(mode="json", exclude=ELSEWHERE)
    settings = {"dataset": bench.dataset.name, "strategy": job.name, "seed": job.seed, **fields}
    parts = [identity(bench.store.root), bench.dataset.name, job.name, job.seed, _code(bench, job)]
    place = folder_of(bench, job).relative_to(bench.store.root)
    return Curve(digest_of(parts)[:20], job.label, place, settings)


def _code(bench: Bench, job: Job) -> list[str | None]:
    """Digests of all code that is not built in, as in the key of a round: of other code are other rounds."""
    code = list[str | None](resolve(job.strategy).digests if job.kind == "trajectory" else ())
    network = bench.experiment.network
    found = NETWORKS.find(network.name), BACKBONES.find(network.backbone)
    code += [entry.digest for entry in found if entry and not entry.built_in]
    of_data = [bench.dataset.code, *(task.code for task in bench.dataset.tasks)]
    return [*code, *filter(None, of_data)]  # ids of built-in data and tasks stay


def values_of(done: Round) -> dict[str, float]:
    """The metrics of a round by ``task/metric``, and what it cost by ``seconds/stage``."""
    metrics = {
        f"{task}/{metric}": value
        for task, values in done.metrics.items()
        for metric, value in values.items()
        if value is not None
    }
    return metrics | {f"seconds/{stage}": seconds for stage, seconds in done.seconds.items()}


def identity(out: Path) -> str:
    """What names a folder of results, drawn when it is first asked for. Raises OSError."""
    file = out / IDENTITY
    if not file.is_file():
        write_atomically(file, uuid.uuid4().hex.encode())
    return file.read_text(encoding="utf-8")
