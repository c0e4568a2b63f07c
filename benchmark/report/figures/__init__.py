"""Figures, each in all formats with the numbers that it was drawn from."""

from __future__ import annotations

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.drawing.canvas import file_name
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures import (
    cost_bars,
    critical_difference,
    delta_mtl_dots,
    forest,
    heat_maps,
    label_saving,
    labels_by_task,
    loss_curves,
    naubc_dots,
    paired_difference,
)
from benchmark.report.results.study import Study

DEFAULT = Paper()
#: Figures of one data set by their name.
OF_A_DATASET = {
    "paired_difference": paired_difference.render,
    "label_saving": label_saving.render,
    "naubc": naubc_dots.render,
    "penalty": heat_maps.penalty,
    "overlap": heat_maps.overlap,
    "cost": cost_bars.render,
    "delta_mtl": delta_mtl_dots.render,
    "labels_by_task": labels_by_task.render,
}

#: Figures of several data sets together.
OVER_DATASETS = {"mean_ranks": critical_difference.render, "over_datasets": forest.render}


def render(study: Study, paper: Paper = DEFAULT) -> dict[str, bytes]:
    """The files of all figures by their path within the folder of the report.

    Single panels are as wide as ``paper`` says; several panels always take its two columns.
    """
    several = len(study.results.datasets) > 1
    figures = {name: draw(study, paper) for name, draw in OVER_DATASETS.items()} if several else {}
    for subject in subjects(study):
        suffix = f"@{file_name(subject.dataset)}" if several else ""
        figures |= {name + suffix: files for name, files in _of(subject, paper).items()}
    return {
        f"figures/{name}.{kind}": content
        for name, files in figures.items()
        for kind, content in files.items()
    }


def _of(subject: DatasetResults, paper: Paper) -> dict[str, dict[str, bytes]]:
    others = {name: draw(subject, paper) for name, draw in OF_A_DATASET.items()}
    return loss_curves.render(subject, paper) | others
