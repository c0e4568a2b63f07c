"""Run an experiment: check it against what the folder holds, plan, execute, report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmark.catalogue import preset_file
from benchmark.config import Experiment, validated
from benchmark.errors import UserError
from benchmark.progress import Progress
from benchmark.store import to_json, write_atomically

if TYPE_CHECKING:
    from benchmark.bench import Bench
    from benchmark.plan import Job

EXPERIMENT, ENVIRONMENT = "experiment.yaml", "environment.json"
#: What results in one folder must agree on, for numbers to be comparable.
FIXED = ("data", "task_weights", "tasks", "network", "recipe", "budgets")


@dataclass(frozen=True)
class Outcome:
    """Where the results are, the table for the terminal, the figures, and what failed."""

    folder: Path
    table: str
    figures: tuple[Path, ...]
    failures: tuple[str, ...]


def load_experiment(file: Path | None, preset: str | None, flags: Mapping[str, Any]) -> Experiment:
    """The experiment of a YAML file or a preset, with command-line flags over it.

    A YAML file may name a ``preset`` to start from. Raises UserError with all mistakes at once.
    """
    own = read_yaml(file) if file else {}
    of_file = own.pop("preset", None)
    preset = preset or of_file or (None if file else "quick")
    dataset = str(flags.get("dataset") or own.get("dataset") or "rooms")
    base = read_yaml(preset_file(dataset, preset)) if preset else {}
    fields = _with_network(_merged(_merged(base, own), {"dataset": dataset}), flags)
    if not fields.get("name"):
        words = re.sub(r"[^\w.=\- ]", "-", Path(dataset).stem)
        fields["name"] = "-".join(filter(None, (words, preset)))
    return validated(fields, str(file or f"preset {preset} with your options"))


def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises UserError."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{file} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{file} must hold fields, one 'name: value' a line.")
    return content


class UniqueKeys(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML's plain values only, and no field twice: plain PyYAML takes the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class, after looking for names that are there twice."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [name for name in names if names.count(name) > 1 and name != "<<"]
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice[0]!r} is there twice", node.start_mark
            )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def run(experiment: Experiment, out: Path, progress: Progress) -> Outcome:
    """Run all jobs of an experiment into a folder and write its report; what is stored is not done again."""
    from benchmark.execution.serial import run_serial
    from benchmark.report import write_report

    bench, jobs = _planned(experiment, out, progress)
    _write_head(experiment, bench, out)
    left = sum(jobs.values())
    progress.say(f"{len(jobs)} jobs, {left} trainings to do on {bench.device}; results in {out}")
    progress.begin(left * experiment.recipe.iterations)
    try:
        failures = run_serial(bench, jobs)
    finally:
        progress.end()
        bench.store.write_results()
    reasons = tuple(f"{failure.job.label}: {failure.reason}" for failure in failures)
    if not any(bench.store.rounds()):
        return Outcome(out, "No round was finished: there is nothing to report.", (), reasons)
    report = write_report(out)
    return Outcome(out, report.text, report.figures, reasons)


def dry_run(experiment: Experiment, out: Path, progress: Progress) -> str:
    """The jobs that a run would do, and what they would cost by a short timing; nothing is written."""
    from benchmark.profiling import seconds_a_step

    bench, jobs = _planned(experiment, out, progress)
    left = sum(jobs.values())
    step = seconds_a_step(bench)
    hours = left * experiment.recipe.iterations * step / 3600
    lines = [f"{trainings} trainings  {job.label}" for job, trainings in jobs.items()]
    cost = (
        f"{left} trainings of {experiment.recipe.iterations} iterations at {step:.3f} s: about {hours:.2f} "
        f"hours of {bench.device}, and evaluation and pool passes besides"
    )
    return "\n".join([*lines, cost])


def _planned(experiment: Experiment, out: Path, progress: Progress) -> tuple[Bench, dict[Job, int]]:
    """The experiment opened, and its jobs with the trainings that each has left, in order."""
    from benchmark.bench import open_bench
    from benchmark.plan import plan, trainings_left

    _check_agreement(experiment, out)
    progress.say(f"Opening {experiment.dataset}")
    bench = open_bench(experiment, out, progress)
    return bench, {job: trainings_left(bench, job) for job in plan(experiment)}


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


def _check_agreement(experiment: Experiment, out: Path) -> None:
    """Refuse a folder whose results were computed with other settings; strategies and seeds may be added."""
    file = out / EXPERIMENT
    if not file.is_file():
        return
    stored = validated(read_yaml(file) | {"strategies": experiment.strategies}, str(file))
    differences = [
        f"{path}: {before!r} there, {now!r} now"
        for path, before, now in _differences(
            stored.model_dump(mode="json"), experiment.model_dump(mode="json")
        )
        if path.split(".")[0] in FIXED
    ]
    if differences:
        raise UserError(
            f"{out} holds results of another experiment ({'; '.join(differences)}): give another --out, or "
            "the same settings."
        )


def _differences(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(before, dict | None) and isinstance(now, dict | None):
        before, now = before or {}, now or {}
        names = sorted({*before, *now})
        return [d for n in names for d in _differences(before.get(n), now.get(n), f"{path}.{n}".lstrip("."))]
    return [] if before == now else [(path, before, now)]


def _write_head(experiment: Experiment, bench: Bench, out: Path) -> None:
    import json

    import torch

    from benchmark.environment import describe

    environment = describe(bench.dataset, bench.device, torch.get_num_threads(), bench.deterministic)
    file = out / ENVIRONMENT
    if file.is_file():
        stored = json.loads(file.read_text())["data"]
        if (stored["name"], stored["digest"]) != (bench.dataset.name, bench.dataset.digest):
            raise UserError(
                f"{out} holds results on other data (the images or labels differ): give another --out."
            )
    out.mkdir(parents=True, exist_ok=True)
    fields = experiment.model_dump(mode="json", exclude={"feed", "device", "deterministic", "data_root"})
    if (out / EXPERIMENT).is_file():
        stored = read_yaml(out / EXPERIMENT)
        for name in ("strategies", "seeds"):  # so that the file repeats all that the folder holds
            fields[name] = list(dict.fromkeys([*stored[name], *fields[name]]))
    write_atomically(out / EXPERIMENT, yaml.safe_dump(fields, sort_keys=False).encode())
    write_atomically(file, to_json(environment))
