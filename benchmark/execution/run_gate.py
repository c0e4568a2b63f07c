"""Hold a preset to its gate: random selection and full data, on seeds and images that no study uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.execution.resources import Wish
from benchmark.execution.run import ONE, run_whole
from benchmark.experiment.catalogue import default_seed
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.records.round_store import write_atomically
from strategies.reference import REFERENCE

if TYPE_CHECKING:
    from benchmark.report.validity.preset_criteria import Criterion

#: Draws of random a seed: the mean of three is quiet enough to tell a seed's luck from a draw's.
DRAWS = 3


@dataclass(frozen=True)
class Gate:
    """The criteria with what was measured, the same as text, and the folder that holds the results."""

    criteria: tuple[Criterion, ...]
    text: str
    folder: Path

    @property
    def passed(self) -> bool:
        """Whether all are met."""
        return all(criterion.met for criterion in self.criteria)


def of_random(experiment: Experiment) -> Experiment:
    """The same training, of random selection alone; of other images where a seed renders them."""
    wanted = {"strategies": (REFERENCE,), "references": DRAWS, "full_data": True}
    return on_other_images(experiment, "gate").model_copy(update=wanted)


def on_other_images(experiment: Experiment, purpose: str) -> Experiment:
    """The same for a purpose before a study: by no plan, and of images that no study uses, where a seed
    renders them.
    """
    data = dict(experiment.data)
    seed = data.get("seed", default_seed(experiment.dataset))
    if isinstance(seed, int):
        data["seed"] = seed + 1
    return experiment.model_copy(update={"data": data, "plan": None, "name": f"{purpose}-{experiment.name}"})


def gate(
    experiment: Experiment, out: Path, progress: Progress, engine: str | None = None, wish: Wish = ONE
) -> Gate:
    """Run what a gate needs into a folder and judge it; what is stored is not done again.

    ``experiment`` is as ``of_random`` gives it. Writes ``tables/gate.csv`` and ``tables/gate.md``. Raises
    UserError for what a run refuses, and where a training failed.
    """
    from benchmark.report.dataset_results import DatasetResults
    from benchmark.report.results.study import read_study
    from benchmark.report.validity.preset_criteria import criteria, gate_files, gate_text, measured

    run_whole(experiment, out, progress, engine, wish, "judged")
    study = read_study(out)
    found = measured(DatasetResults(study, study.results.datasets[0]))
    (out / "tables").mkdir(exist_ok=True)  # a report, which makes it, is not written: nobody looks at one
    judged = tuple(criteria(found))
    for name, content in gate_files(found, judged).items():
        write_atomically(out / name, content)
    return Gate(judged, gate_text(found, judged), out)
