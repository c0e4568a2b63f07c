"""Measure what images are worth that scores put high or low, on seeds and images that no study uses."""

from __future__ import annotations

from pathlib import Path

from benchmark.execution.resources import Wish
from benchmark.execution.run import ONE, run_whole
from benchmark.execution.run_gate import on_other_images
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.protocol.open_experiment import opened
from benchmark.records.results_folder import held


def of_two_rounds(experiment: Experiment) -> Experiment:
    """Its strategies at its first two budgets, with full data; of other images where a seed renders them.

    Images are bought whole, at one price.
    """
    whole = {"costs": {}, "cost_columns": {}, "first_labels": "images"}
    wanted = {"budgets": experiment.budgets[:2], "full_data": True, **whole}
    return on_other_images(experiment, "usefulness").model_copy(update=wanted)


def usefulness(
    experiment: Experiment,
    out: Path,
    repeats: int,
    progress: Progress,
    engine: str | None = None,
    wish: Wish = ONE,
) -> str:
    """Run two rounds of the strategies, then train on batches of every fifth of their scores; the table.

    ``experiment`` is as ``of_two_rounds`` gives it; the batches are trained in this process. What is stored
    is not done again. Writes ``tables/usefulness`` as a report does. Raises UserError for what a run refuses,
    where a training failed, and where no strategy has scores.
    """
    from benchmark.protocol.references.usefulness import measure_usefulness
    from benchmark.report import write_files
    from benchmark.report.formats.text import terminal
    from benchmark.report.results.study import read_study
    from benchmark.report.validity.usefulness import render, tables_of
    from benchmark.words import terminal_width

    run_whole(experiment, out, progress, engine, wish, "said")
    bench = opened(experiment, out, progress)
    with held(out):
        measure_usefulness(bench, repeats)
    study = read_study(out)
    write_files(out, render(study))
    return terminal(tables_of(study), terminal_width())
