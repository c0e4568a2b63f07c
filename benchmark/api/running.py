"""Run an experiment from Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from benchmark.api.request import Asked, Way, asked_for
from benchmark.api.sweeping import Plan, Sweep, failures_of, load_sweep, planned, run_planned
from benchmark.errors import UserError
from benchmark.execution.resources import Wish
from benchmark.experiment.discovery import discover_strategies
from benchmark.experiment.fields_from_options import as_fields, as_path, is_experiment
from benchmark.progress import Progress
from benchmark.report.sweep import write_sweep_report

if TYPE_CHECKING:
    from benchmark.api.study import Study

#: A name (`mtal list`), ``NAME[key=value]``, ``FILE.py:NAME``, or the class or the function itself.
StrategyGiven = str | Callable[..., Any]
STOPPED = "Stopped. Run the same again to go on; finished rounds are kept."


@overload
def run(
    dataset: str | Path = "rooms",
    preset: str | None = None,
    strategies: Sequence[StrategyGiven] | StrategyGiven | None = None,
    seeds: int | Sequence[int] | None = None,
    *,
    network: str | Mapping[str, Any] | None = None,
    budgets: Sequence[int | float | str] | None = None,
    data_root: str | Path | None = None,
    out: str | Path | None = None,
    engine: str | None = None,
    jobs: int | None = None,
    per_device: int = 1,
    tracker: str | None = None,
    timing: bool = False,
    quiet: bool = False,
    report: bool = False,
    vary: None = None,
    **fields: Any,
) -> Study: ...


@overload
def run(
    dataset: str | Path = "rooms",
    preset: str | None = None,
    strategies: Sequence[StrategyGiven] | StrategyGiven | None = None,
    seeds: int | Sequence[int] | None = None,
    *,
    network: str | Mapping[str, Any] | None = None,
    budgets: Sequence[int | float | str] | None = None,
    data_root: str | Path | None = None,
    out: str | Path | None = None,
    engine: str | None = None,
    jobs: int | None = None,
    per_device: int = 1,
    tracker: str | None = None,
    timing: bool = False,
    quiet: bool = False,
    report: bool = False,
    vary: Mapping[str, Sequence[Any]],
    **fields: Any,
) -> Sweep: ...


def run(
    dataset: str | Path = "rooms",
    preset: str | None = None,
    strategies: Sequence[StrategyGiven] | StrategyGiven | None = None,
    seeds: int | Sequence[int] | None = None,
    *,
    network: str | Mapping[str, Any] | None = None,
    budgets: Sequence[int | float | str] | None = None,
    data_root: str | Path | None = None,
    out: str | Path | None = None,
    engine: str | None = None,
    jobs: int | None = None,
    per_device: int = 1,
    tracker: str | None = None,
    timing: bool = False,
    quiet: bool = False,
    report: bool = False,
    vary: Mapping[str, Sequence[Any]] | None = None,
    **fields: Any,
) -> Study | Sweep:
    """Train all strategies over seeds and budgets, as `mtal run` does, and give the study.

    What is stored in the folder is not done again: the same call goes on after an interruption, and one with
    more strategies or seeds adds them.

    Args:
        dataset: A data set by name, the YAML file of one of your own, or the YAML file of an experiment.
        preset: smoke, quick, standard, paper, or what the data has besides: cpu, frozen. Quick if it is
            not given, and no file of an experiment is.
        strategies: Names, ``FILE.py:NAME``, or a class derived from ``Strategy`` or a function of scores
            itself; these go by their own names, ``least_sure`` as ``least-sure``.
        seeds: How many, or which ones.
        network: A network by name, or its fields.
        budgets: Labelled images by round: counts, shares, or text such as "10 %".
        data_root: Where the data lies.
        out: The folder of results. ``results/NAME`` if not given.
        engine: serial, ray or slurm. Serial, or ray for several jobs at once, if not given.
        jobs: Jobs at once.
        per_device: Jobs that share a GPU.
        tracker: Where curves are sent as well: tensorboard, wandb, mlflow, or several (a,b).
        timing: Whether to say beforehand, by a short timing, what the run will cost.
        quiet: Whether to print nothing.
        report: Whether to write tables, figures and the page too. `Study.report` does it any time.
        vary: Values by field, such as ``{"network.name": ["pad_net", "mti_net"]}``: a study for every
            combination, in a folder of its own, and a `Sweep` of all of them.
        fields: Any other field of an experiment (`mtal list fields`): ``device="cpu"``,
            ``recipe={"iterations": 500}``.

    Raises:
        UserError: For wrong values, each in one sentence, and where no round could be finished.
        ValueError: For a class or a function that cannot be a strategy.

    A function or a class of a notebook is known by its code: an edited cell is another strategy, whose old
    rounds are kept in ``earlier/`` and which is computed again. Functions, classes and plain values of the
    notebook that it uses count too; arrays, networks and other objects do not, and neither do files that it
    reads. Jobs of other processes (``jobs``, ``engine``) cannot import it: put it in a file.

    Examples:
        >>> from benchmark import run
        >>> def least_sure(outputs):
        ...     logits = {task: outputs.refined[task] for task in outputs.categorical}
        ...     return {task: 1 - one.softmax(1).amax(1).mean((1, 2)) for task, one in logits.items()}
        >>> small = {"data": {"pool": 16, "val": 6, "height": 32, "width": 32}, "budgets": [4, 8]}
        >>> given = ["random", least_sure]
        >>> study = run("rooms", strategies=given, seeds=1, recipe={"iterations": 2}, quiet=True, **small)
        >>> study
        Study('results/rooms-quick': rooms, 2 strategies, 1 seed)
        >>> study.headline[["strategy", "seeds"]]
             strategy  seeds
        0  least-sure      1
        1      random      1
    """
    discover_strategies()
    given = {"strategies": strategies, "seeds": seeds, "network": network, "budgets": budgets}
    file, over = _file_and_fields(dataset, {**given, "data_root": data_root, **fields})
    way = Way(Progress(quiet), timing, engine, Wish(jobs, per_device), tracker, report)
    where = None if out is None else as_path("out", out)
    if vary:
        return _sweep(planned(file, preset, over, vary, where), way)
    return _study(asked_for(file, preset, over, where), way)


def _file_and_fields(dataset: str | Path, given: Mapping[str, Any]) -> tuple[Path | None, dict[str, Any]]:
    """The file of an experiment, if one is given, and the fields over it."""
    file = as_path("dataset", dataset, "a name or a path")
    is_file = file.suffix.lower() in (".yaml", ".yml") and file.is_file() and is_experiment(file)
    return file if is_file else None, as_fields({**({} if is_file else {"dataset": dataset}), **given})


def _sweep(sweep: Plan, way: Way) -> Sweep:
    way.progress.say(sweep.text)
    with _torch_as_it_was(), _words_for_an_interruption(), _without_word_of_widgets():
        outcomes = run_planned(sweep, way)
    failures = failures_of(outcomes)
    if way.report:
        write_sweep_report(sweep.folder, each=False)
    return replace(load_sweep(sweep.folder), failures=failures)


def _study(asked: Asked, way: Way) -> Study:
    from benchmark.api.study import Study
    from benchmark.execution.run import NOTHING
    from benchmark.execution.run import run as run_experiment
    from benchmark.report import read_studies

    with _torch_as_it_was(), _words_for_an_interruption(), _without_word_of_widgets():
        outcome = run_experiment(asked.experiment, asked.folder, *way)
    if outcome.table == NOTHING:
        raise UserError("\n".join([NOTHING, *outcome.failures]))
    return Study((outcome.folder,), read_studies([outcome.folder]), outcome.failures)


@contextmanager
def _words_for_an_interruption() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(STOPPED) from None


@contextmanager
def _without_word_of_widgets() -> Iterator[None]:
    """What loads pre-trained weights asks every notebook for ipywidgets, in red; text does here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        yield


@contextmanager
def _torch_as_it_was() -> Iterator[None]:
    """Threads, determinism and kernels of torch, and what libraries read of them, are the session's own."""
    import os

    import torch

    variables = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG")}
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = cudnn
        for name, value in variables.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
