"""What engines whose jobs run in other processes have in common: here they only plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench, open_bench
from strategies.unregistered import known_here_alone


class Elsewhere:
    """Plans in this process, which trains nothing and leaves GPUs alone.

    Raises UserError for a strategy that other processes would not know.
    """

    in_process = False

    def __init__(self, experiment: Experiment, device: str, threads: int) -> None:
        _check_strategies(experiment)
        #: As the jobs have it.
        self.experiment = experiment.model_copy(update={"device": device, "threads": threads})

    def opened(self, out: Path, progress: Progress) -> Bench:
        """The experiment, opened to plan."""
        progress.say(f"Opening {self.experiment.dataset}")
        bench = open_bench(self.experiment.model_copy(update={"device": "cpu", "threads": 1}), out, progress)
        if (origin := bench.dataset.origin) is not None:  # jobs may have another environment
            self.experiment = self.experiment.model_copy(update={"data_root": origin.folder})
        return bench

    def facts(self, bench: Bench) -> dict[str, Any]:
        """Device and threads of the jobs, for ``environment.json``; on a GPU, each job adds its name."""
        del bench
        device, asked = self.experiment.device, self.experiment.deterministic
        deterministic = device == "cpu" if asked is None else asked
        return {"device": device, "threads": self.experiment.threads, "deterministic": deterministic}


def _check_strategies(experiment: Experiment) -> None:
    if alone := known_here_alone(experiment.strategies):
        raise UserError(
            f"Strategy {alone[0]!r} is defined in this session, and jobs in other processes do not know it: "
            f"put it in a file, registered, and give FILE.py:{alone[0]}, or run one job at a time here."
        )
