"""The engines by name, and what each of them offers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from benchmark.errors import UserError
from benchmark.execution.resources import Wish

if TYPE_CHECKING:
    from benchmark.execution.jobs.queue import Failure
    from benchmark.experiment.config import Experiment
    from benchmark.progress import Progress
    from benchmark.protocol.bench import Bench
    from benchmark.protocol.work_left import Job, Work

#: Module and class by name; the module is imported when the engine is used.
ENGINES: Mapping[str, tuple[str, str]] = {
    "serial": ("benchmark.execution.serial", "Serial"),
    "ray": ("benchmark.execution.ray.engine", "RayEngine"),
    "slurm": ("benchmark.execution.slurm.engine", "Slurm"),
}


class Engine(Protocol):
    """Where the jobs of an experiment run."""

    #: Whether jobs run in this process, so that a timing here says what they cost.
    in_process: bool

    def opened(self, out: Path, progress: Progress) -> Bench:
        """The experiment as this process needs it: to run it, or only to plan."""

    def facts(self, bench: Bench) -> dict[str, Any]:
        """Device, threads and determinism of the jobs, for ``environment.json``."""

    def place(self, bench: Bench) -> str:
        """Where jobs run, in words."""

    def run_jobs(self, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
        """Run all jobs; one that fails stops no other."""


def engine_for(experiment: Experiment, name: str | None, wish: Wish) -> Engine:
    """The engine of this name; without one, serial for one job at a time and Ray for more.

    Raises UserError at once for what the engine needs and is not there.
    """
    name = name or ("serial" if wish in (Wish(), Wish(jobs=1)) else "ray")
    if name not in ENGINES:
        raise UserError(f"--engine: there is no engine {name!r}; there is: {', '.join(ENGINES)}.")
    module, attribute = ENGINES[name]
    return cast(Engine, getattr(import_module(module), attribute)(experiment, wish))
