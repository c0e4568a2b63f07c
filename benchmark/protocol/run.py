"""Run an experiment: check it against what the folder holds, plan, execute, report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmark.errors import BusyError, UserError
from benchmark.execution.resources import Wish
from benchmark.experiment.catalogue import preset_file
from benchmark.experiment.config import Experiment, validated
from benchmark.experiment.paths import read_experiment, seen_from
from benchmark.progress import Progress
from benchmark.records.round_store import CONSTANT, to_json, write_atomically
from benchmark.untrusted_files import read_fields, read_json
from benchmark.words import counted

if TYPE_CHECKING:
    from benchmark.execution.engine import Engine
    from benchmark.execution.job_queue import Failure
    from benchmark.protocol.bench import Bench
    from benchmark.protocol.work_left import Job, Work
    from benchmark.records.round_store import Store

ONE = Wish()
LOCK, A_LOOK = ".lock", 0.5  # seconds that somebody may take to ask whether a folder is held
EXPERIMENT, ENVIRONMENT = "experiment.yaml", "environment.json"
#: What results in one folder must agree on, for numbers to be comparable.
FIXED = ("data", "task_weights", "tasks", "network", "recipe", "budgets")


@dataclass(frozen=True)
class Outcome:
    """Where the results are, the table for the terminal, the page that shows them, and what failed."""

    folder: Path
    table: str
    page: Path | None
    failures: tuple[str, ...]


def load_experiment(file: Path | None, preset: str | None, flags: Mapping[str, Any]) -> Experiment:
    """The experiment of a YAML file or a preset, with command-line flags over it.

    A YAML file may name a ``preset`` to start from; its paths are relative to it, those of flags to the
    working folder. Raises UserError with all mistakes at once.
    """
    own = read_experiment(file) if file else {}
    of_file = own.pop("preset", None)
    preset = preset or of_file or (None if file else "quick")
    dataset = str(flags.get("dataset") or own.get("dataset") or "rooms")
    base = read_fields(preset_file(dataset, preset)) if preset else {}
    fields = _with_network(_merged(_merged(base, own), {"dataset": dataset}), flags)
    if not fields.get("name"):
        words = re.sub(r"[^\w.=\- ]", "-", Path(dataset).stem)
        fields["name"] = "-".join(filter(None, (words, preset)))
    return validated(fields, str(file or f"preset {preset} with your options"))


def run(
    experiment: Experiment,
    out: Path,
    progress: Progress,
    timing: bool = True,
    engine: str | None = None,
    wish: Wish = ONE,
    tracker: str | None = None,
) -> Outcome:
    """Run all jobs of an experiment into a folder and write its report; what is stored is not done again.

    What is left to do is said before; what it will cost too, if ``timing``, unless nobody reads it or the
    jobs run elsewhere. ``tracker`` names, comma-separated, where curves are sent as well. Raises BusyError
    when another run holds the folder.
    """
    from benchmark.execution.engine import engine_for
    from benchmark.execution.leftovers import remove_litter
    from benchmark.measure.cost_estimate import expected
    from benchmark.report import write_report
    from benchmark.tracking.sender import sending
    from benchmark.tracking.tracker import trackers

    check_agreement(experiment, out)
    shown = trackers(tracker, out, experiment.name)
    place = engine_for(experiment, engine, wish)
    bench = place.opened(out, progress)
    jobs = _jobs(experiment, bench)
    with _held(out):
        remove_litter(out)
        write_head(experiment, bench, out, place.facts(bench))
        progress.say(f"{counted(len(jobs), 'job')} on {place.place(bench)}; results in {out}")
        for line in expected(
            bench, whole(bench, jobs), _sum(jobs), timing and place.in_process and not progress.quiet
        ):
            progress.say(line)
        with sending(shown, bench, jobs):
            reasons = _table(_run_jobs(place, bench, jobs))
            if all(done.strategy == CONSTANT for done in bench.store.rounds()):
                return Outcome(out, "No round was finished: there is nothing to report.", None, reasons)
            report = write_report(out)
        return Outcome(out, report.text, report.page, reasons)


def _run_jobs(engine: Engine, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
    """The jobs run, with a bar for all of them; ``results.csv`` follows whatever happens."""
    bench.progress.begin(_sum(jobs).trainings * bench.experiment.recipe.iterations)
    try:
        failures = engine.run_jobs(bench, jobs)
        clear_checkpoints(bench, jobs.keys() - {failure.job for failure in failures})
        return failures
    finally:
        bench.progress.end()
        write_results(bench.store)


def clear_checkpoints(bench: Bench, done: Iterable[Job]) -> None:
    """Remove those of jobs that are done: a kill, just when the last round was stored, has left them."""
    from benchmark.protocol.jobs import folder_of
    from benchmark.training.checkpoint import remove_checkpoints

    for job in done:
        remove_checkpoints(folder_of(bench, job))


def write_results(store: Store) -> None:
    """Derive ``results.csv``, one process at a time: the last one has read what all have stored."""
    with results_held(store.root):
        store.write_results()


@contextmanager
def results_held(out: Path) -> Iterator[None]:
    """Hold what several jobs of a folder write, for a moment; waits for others."""
    from filelock import FileLock

    with FileLock(out / ".results.lock", fallback_to_soft=False):
        yield


def dry_run(experiment: Experiment, out: Path, progress: Progress, timing: bool = True) -> str:
    """The jobs that a run would do, and the lines that it would begin with; nothing is written."""
    from benchmark.measure.cost_estimate import expected

    check_agreement(experiment, out)
    bench = opened(experiment, out, progress)
    jobs = _jobs(experiment, bench)
    lines = [f"{counted(work.trainings, 'training'):<12} {job.label}" for job, work in jobs.items()]
    return "\n".join([*lines, *expected(bench, whole(bench, jobs), _sum(jobs), timing)])


def opened(experiment: Experiment, out: Path, progress: Progress) -> Bench:
    """The experiment opened. Raises UserError for what it needs and this machine or its data lacks."""
    from benchmark.execution.devices import pick_device
    from benchmark.protocol.bench import open_bench
    from benchmark.training.compiled import check_compiler

    if experiment.recipe.compile:
        check_compiler(pick_device(experiment.device), experiment.recipe.compile)
    progress.say(f"Opening {experiment.dataset}")
    return open_bench(experiment, out, progress)


def _jobs(experiment: Experiment, bench: Bench) -> dict[Job, Work]:
    """The jobs of an experiment with what each has left to do, in order."""
    from benchmark.protocol.work_left import plan, work_left

    return {job: work_left(bench, job) for job in plan(experiment)}


@contextmanager
def _held(out: Path) -> Iterator[None]:
    """Hold a folder of results for one run. Raises BusyError when another run does."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=A_LOOK, fallback_to_soft=False):
            yield
    except Timeout:
        raise BusyError(f"{out} is in use by another process: wait for it, or give another --out.") from None


def is_held(out: Path) -> bool:
    """Whether a run holds the folder now; asked by a shared lock, which lasts no longer than the question."""
    import fcntl

    if not (out / LOCK).is_file():
        return False
    with (out / LOCK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _table(failures: list[Failure]) -> tuple[str, ...]:
    """What failed, how often it was tried, and why: one line each, in columns."""
    width = max((len(failure.job.label) for failure in failures), default=0)
    return tuple(
        f"{failure.job.label:<{width}}  {_times(failure.tries)}  {failure.reason}" for failure in failures
    )


def _times(tries: int) -> str:
    return {0: "not tried", 1: "1 try    "}.get(tries, f"{tries} tries  ")


def whole(bench: Bench, jobs: Iterable[Job]) -> Work:
    """All that these jobs are, stored or not."""
    from benchmark.protocol.work_left import Work, whole_work

    return sum((whole_work(bench, job) for job in jobs), Work())


def _sum(jobs: Mapping[Job, Work]) -> Work:
    from benchmark.protocol.work_left import Work

    return sum(jobs.values(), Work())


def _with_network(fields: dict[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Flags over fields; another network does not inherit the preset's options of its own one."""
    asked, named = flags.get("network"), fields.get("network")
    if not isinstance(asked, Mapping) or not isinstance(named, Mapping):
        return _merged(fields, flags)
    if asked.get("name", named.get("name")) != named.get("name"):
        named = {option: named[option] for option in ("backbone", "pretrained") if option in named}
    return _merged(fields | {"network": named}, flags)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, mappings merged field by field."""
    merged = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def check_agreement(experiment: Experiment, out: Path) -> None:
    """Refuse a folder whose results were computed with other settings; strategies and seeds may be added."""
    file = out / EXPERIMENT
    if not file.is_file():
        return
    # Their code and their data have digests of their own, wherever they lie now.
    elsewhere = {"strategies": experiment.strategies, "dataset": experiment.dataset}
    stored = validated(read_experiment(file) | elsewhere, str(file))
    differences = [
        f"{path}: {before!r} there, {now!r} now"
        for path, before, now in _differences(_settings(stored), _settings(experiment))
        if path.split(".")[0] in FIXED
    ]
    if differences:
        raise UserError(
            f"{out} holds results of another experiment ({'; '.join(differences)}): give another --out, or "
            "the same settings."
        )


def _settings(experiment: Experiment) -> dict[str, Any]:
    """Its fields, in which one file of weights has one path, whichever folder that was relative to."""
    fields = experiment.model_dump(mode="json")
    weights = experiment.network.pretrained
    if isinstance(weights, Path):
        fields["network"]["pretrained"] = str(weights.absolute())
    return fields


def _differences(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(before, dict | None) and isinstance(now, dict | None):
        before, now = before or {}, now or {}
        names = sorted({*before, *now})
        return [d for n in names for d in _differences(before.get(n), now.get(n), f"{path}.{n}".lstrip("."))]
    return [] if before == now else [(path, before, now)]


def write_head(experiment: Experiment, bench: Bench, out: Path, facts: Mapping[str, Any]) -> None:
    """Write ``experiment.yaml`` and ``environment.json``; ``facts`` of the machine go over this process's.

    Raises UserError for a folder that holds results on other data, and for a broken one.
    """
    import torch

    from benchmark.records.environment import ARITHMETIC, describe

    threads = torch.get_num_threads()
    environment = describe(
        bench.normalisation,
        bench.dataset,
        experiment.every_strategy,
        bench.device,
        threads,
        bench.deterministic,
    )
    environment |= {"arithmetic": ARITHMETIC[experiment.recipe.precision], **facts}
    before = read_environment(out)
    if before and (before["data"]["name"], before["data"]["digest"]) != (
        bench.dataset.name,
        bench.dataset.digest,
    ):
        raise UserError(
            f"{out} holds results on other data (the images or labels differ): give another --out."
        )
    held = any(bench.store.rounds())  # the noise alone is no trajectory of a strategy
    if held:
        environment["strategies"] = before.get("strategies", {}) | environment["strategies"]
    out.mkdir(parents=True, exist_ok=True)
    machine = {"feed", "device", "deterministic", "data_root", "checkpoint_minutes"}
    fields = seen_from(out, experiment.model_dump(mode="json", exclude=machine))
    if held and (out / EXPERIMENT).is_file():
        stored = read_fields(out / EXPERIMENT)
        for name in ("strategies", "seeds"):  # so that the file repeats all that the folder holds
            fields[name] = list(dict.fromkeys([*stored[name], *fields[name]]))
        fields["references"] = max(stored.get("references", 1), fields["references"])
    write_atomically(out / EXPERIMENT, yaml.safe_dump(fields, sort_keys=False).encode())
    write_atomically(out / ENVIRONMENT, to_json(environment))


def write_noise_head(bench: Bench, out: Path) -> None:
    """Write the head of a folder that holds none yet: the study that its noise is measured for.

    So the folder makes a report, and a run with other settings is refused there; one with other strategies or
    seeds takes their place.
    """
    if not (out / EXPERIMENT).is_file():
        write_head(bench.experiment, bench, out, {})
        write_results(bench.store)


def read_environment(out: Path) -> dict[str, Any]:
    """What a folder says of its data and strategies; empty if it holds none. Raises UserError if broken."""
    file = out / ENVIRONMENT
    if not file.is_file():
        return {}
    try:
        before = dict(read_json(file))
        before["strategies"] = dict(before.get("strategies", {}))
        before["data"] = {name: before["data"][name] for name in ("name", "digest")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is broken ({type(error).__name__}): remove it, and the run writes it again."
        ) from None
    return before
