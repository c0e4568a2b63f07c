"""Figures, each in all formats with the numbers that it was drawn from."""

from __future__ import annotations

from benchmark.report.figures import (
    cost,
    curves,
    delta_mtl,
    label_saving,
    matrices,
    mean_ranks,
    naubc,
    paired_difference,
)
from benchmark.report.figures.canvas import file_name
from benchmark.report.study import Study
from benchmark.report.style import Paper
from benchmark.report.subject import Subject, subjects

DEFAULT = Paper()
#: Figures of one data set by their name.
OF_A_DATASET = {
    "paired_difference": paired_difference.render,
    "label_saving": label_saving.render,
    "naubc": naubc.render,
    "penalty": matrices.penalty,
    "overlap": matrices.overlap,
    "cost": cost.render,
    "delta_mtl": delta_mtl.render,
}


def render(study: Study, paper: Paper = DEFAULT) -> dict[str, bytes]:
    """The files of all figures by their path within the folder of the report.

    Single panels are as wide as ``paper`` says; several panels always take its two columns.
    """
    several = len(study.results.datasets) > 1
    figures = {"mean_ranks": mean_ranks.render(study, paper)} if several else {}
    for subject in subjects(study):
        suffix = f"@{file_name(subject.dataset)}" if several else ""
        figures |= {name + suffix: files for name, files in _of(subject, paper).items()}
    return {
        f"figures/{name}.{kind}": content
        for name, files in figures.items()
        for kind, content in files.items()
    }


def _of(subject: Subject, paper: Paper) -> dict[str, dict[str, bytes]]:
    others = {name: draw(subject, paper) for name, draw in OF_A_DATASET.items()}
    return curves.render(subject, paper) | others
