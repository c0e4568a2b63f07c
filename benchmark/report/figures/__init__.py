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
from benchmark.report.style import Columns
from benchmark.report.subject import Subject, subjects

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


def render(study: Study, columns: Columns = 1) -> dict[str, bytes]:
    """The files of all figures by their path within the folder of the report.

    ``columns`` is how wide single panels are; several panels always take two columns of a paper.
    """
    several = len(study.results.datasets) > 1
    figures = {"mean_ranks": mean_ranks.render(study, columns)} if several else {}
    for subject in subjects(study):
        suffix = f"@{file_name(subject.dataset)}" if several else ""
        figures |= {name + suffix: files for name, files in _of(subject, columns).items()}
    return {
        f"figures/{name}.{kind}": content
        for name, files in figures.items()
        for kind, content in files.items()
    }


def _of(subject: Subject, columns: Columns) -> dict[str, dict[str, bytes]]:
    others = {name: draw(subject, columns) for name, draw in OF_A_DATASET.items()}
    return curves.render(subject, columns) | others
