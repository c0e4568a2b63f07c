"""Whether this machine can run a study: versions, devices, cores, memory, and the results' file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.doctor.finding import Finding, document, ok, problem, reason

if TYPE_CHECKING:
    from benchmark.data.dataset import MultiTaskDataset
    from benchmark.doctor.study_size import Study
    from benchmark.experiment.config import Experiment

__all__ = ["Finding", "document", "examined"]


def examined(out: Path, experiment: Experiment | None = None) -> Iterator[Finding]:
    """One finding after another: of the machine and ``out``, and against an experiment if there is one."""
    from benchmark.doctor.devices import device_findings, devices_here
    from benchmark.doctor.engines import engine_findings
    from benchmark.doctor.file_system import folder_findings
    from benchmark.doctor.packages import package_findings
    from benchmark.doctor.threads import thread_findings
    from benchmark.training.hardware.cores import cores_here

    yield from package_findings()
    devices = devices_here()
    device, precision = (experiment.device, experiment.recipe.precision) if experiment else ("auto", "fp32")
    yield from device_findings(devices, device, precision)
    yield from thread_findings(cores_here(), os.environ, experiment.threads if experiment else None)
    yield from folder_findings(out)
    gpu = devices.gpus[0].free if devices.gpus and device != "cpu" else None
    yield from _needs(out, experiment, gpu)
    yield from engine_findings(os.environ)


def _needs(out: Path, experiment: Experiment | None, gpu: float | None) -> Iterator[Finding]:
    """Data, memory, space and weights."""
    from benchmark.data.cache_folder import cache_folder
    from benchmark.doctor.memory import memory_findings, memory_here
    from benchmark.doctor.space import space_findings
    from benchmark.doctor.weights import weight_findings

    data, study = _opened(experiment) if experiment else ([], None)
    yield from data
    feed, workers = (experiment.feed if experiment else "auto"), min(8, max(1, (os.cpu_count() or 2) // 2))
    yield from memory_findings(memory_here(cache_folder(), gpu), study, feed, workers)
    yield from space_findings(out, study)
    if experiment:
        yield from weight_findings(experiment.network)


def _opened(experiment: Experiment) -> tuple[list[Finding], Study | None]:
    """The data of an experiment, and what follows from them; what is wrong is found, not raised."""
    from benchmark.doctor.study_size import study_of
    from benchmark.protocol.bench import data_of

    try:
        dataset = data_of(experiment)
        study = study_of(experiment, dataset)
    except (
        Exception
    ) as error:  # broken files, foreign strategies: `mtal run` meets the same and says all of it
        advice = "Mend what `mtal data check` finds, or the experiment."
        return [problem("data", f"{experiment.dataset} cannot be used ({reason(error)})", advice)], None
    images = f"{len(dataset.train.ids)} images to choose from, {len(dataset.val.ids)} to evaluate on"
    return [ok("data", f"{dataset.name}: {images}, {study.tasks} tasks"), *_labels(dataset)], study


def _labels(dataset: MultiTaskDataset) -> list[Finding]:
    """What `mtal run` would refuse, by the same rules on a sample of the images."""
    from benchmark.data.checks.check import check_dataset

    if dataset.exact:
        return []
    found = check_dataset(dataset, quick=True).fatal
    advice = "See all of it: mtal data check, which looks at every image."
    return [problem("labels", line.rstrip("."), advice) for line in found] or [
        ok("labels", "nothing that a run refuses, in a sample of the images")
    ]
