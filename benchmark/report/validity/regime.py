"""What a study of one data set came to: values at the first budget, at the end, and of the constants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.formats.numbers import head
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.results.metrics import PLAIN, Metrics, in_order, metric
from benchmark.report.statistics.intervals import t_interval

LOSS, INITIAL = "loss", "initial_loss"
#: Of means; nothing else is forgiven.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Change:
    """A task's metric at the first budget and at the end, over the seeds that have both; NaN is not known."""

    task: str
    metric: str
    first: float
    end: float
    #: By which the end is better, positive is better: mean and 95 % t interval over seeds.
    gain: float
    low: float
    seeds: int
    #: The gain of the seed that gained least.
    least: float = math.nan

    @property
    def name(self) -> str:
        """Task and metric as sentences call them."""
        return named(self.task, self.metric)

    def values(self, start: str, stop: str) -> str:
        """Both values, with where they were reached."""
        return f"{self.first:.4g} {start}, {self.end:.4g} {stop}"


@dataclass(frozen=True)
class Regime:
    """What a study of one data set trained on, and what it came to.

    ``first`` and ``end`` hold a value per (task, metric) and seed: means over the strategies at the first
    budget, whose network all share, and the network trained on everything; without one, the means at the
    last budget. ``constant`` are those of the best constant predictions.
    """

    budgets: tuple[int, ...]
    pool: int
    first: pd.DataFrame
    end: pd.DataFrame
    constant: pd.DataFrame
    full: bool
    headlines: Mapping[str, str]
    weights: Mapping[str, float]
    #: Images trained on, each counted as often as it was shown; None where it is not known.
    shown: int | None
    recipe: str = ""
    #: What a recipe that counts epochs says of them.
    epochs: str = ""
    #: By task, metrics of which no network has a value.
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    metrics: Metrics = PLAIN

    @property
    def start(self) -> str:
        """Where the study begins, in words."""
        return f"at {head(self.budgets[0], self.pool)}"

    @property
    def stop(self) -> str:
        """Where it ends."""
        return "with all labels" if self.full else f"at {head(self.budgets[-1], self.pool)}"

    @property
    def tasks(self) -> list[str]:
        """The tasks that have a value at the first budget, sorted."""
        return sorted({task for task, _ in self.first.index} - {TOTAL_LOSS[0]})

    def headline(self, task: str) -> str:
        """The metric that stands for a task: its headline, or else what is there, its loss before others."""
        there = {name for of_task, name in self.first.index if of_task == task}
        known = [name for name in in_order(there) if self.metrics[name].better]
        named = [self.headlines[task]] if task in self.headlines else []
        return next((name for name in (*named, *known) if name in there), LOSS)

    def change(self, task: str, name: str) -> Change:
        """From the first budget to the end."""
        pairs = paired(self.first, self.end, (task, name))
        sign = -1 if self.metrics[name].better == "lower" else 1
        gains = (sign * (pairs["other"] - pairs["one"])).tolist()
        gain, low, _ = t_interval(gains) if gains else (math.nan,) * 3
        one, other = pairs["one"].mean(), pairs["other"].mean()
        return Change(task, name, one, other, gain, low, len(pairs), min(gains, default=math.nan))


def regime(subject: DatasetResults) -> Regime | None:
    """What the results say of one data set; None with fewer than two sizes of labelled sets."""
    rows, budgets = subject.results.of(subject.dataset), subject.evidence.budgets
    is_full = rows["strategy"] == FULL_DATA
    trained = rows[~is_full]
    full = bool(rows.loc[is_full, "value"].notna().any())
    if not budgets or (len(budgets) < 2 and not full):
        return None
    last = rows[is_full] if full else trained[trained["labelled"] == budgets[-1]]
    environment, recipe = _source(subject)
    shown = _product(recipe)
    return Regime(
        budgets=budgets,
        pool=subject.results.pool[subject.dataset],
        first=by_seed(trained[trained["labelled"] == budgets[0]]),
        end=by_seed(last),
        constant=by_seed(subject.results.constants(subject.dataset)),
        full=full,
        headlines=_headlines(environment, subject.results.metrics),
        metrics=subject.results.metrics,
        weights=_weights(environment),
        shown=shown,
        missing=_missing(rows),
        recipe=f"{recipe['iterations']} iterations of {recipe['batch_size']} images" if shown else "",
        epochs=_counted_epochs(recipe),
    )


def named(task: str, name: str) -> str:
    """A metric of a task, without saying "edge edge F"."""
    label = metric(name).label
    plain = label if label[:2].isupper() or label[1:2].isupper() else label[:1].lower() + label[1:]
    return plain if plain.startswith(f"{task} ") else f"{task} {plain}"


def falls(found: Regime) -> dict[str, float]:
    """Each task's weighted part of the total loss's fall; empty where that is none, or one is not known."""
    total = found.change(*TOTAL_LOSS).gain
    parts = {task: found.weights.get(task, math.nan) * found.change(task, LOSS).gain for task in found.tasks}
    if not total > 0 or any(math.isnan(part) for part in parts.values()):
        return {}
    return {task: part / total for task, part in parts.items()}


def worse_refined(found: Regime, values: pd.DataFrame, where: str) -> list[str]:
    """Tasks whose refined prediction has a higher loss than the initial one, with both."""
    return [
        f"{task} {where} (loss {refined:.4g} against {initial:.4g})"
        for task, (refined, initial) in stage_losses(found, values).items()
        if refined > initial * (1 + ROUNDING)
    ]


def stage_losses(found: Regime, values: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Mean losses of the refined and the initial prediction by task, where a seed has both."""
    pairs = {task: paired(values, values, (task, LOSS), (task, INITIAL)) for task in found.tasks}
    return {task: (each["one"].mean(), each["other"].mean()) for task, each in pairs.items() if len(each)}


def beside_constant(
    found: Regime, values: pd.DataFrame, task: str
) -> Iterator[tuple[str, float, float, float]]:
    """A task's loss and headline metric: name, mean, the best constant's, and by how much that is beaten."""
    for name in dict.fromkeys((LOSS, found.headline(task))):
        pairs = paired(values, found.constant, (task, name))
        sign = -1 if found.metrics[name].better == "lower" else 1
        own, constant = pairs["one"].mean(), pairs["other"].mean()
        yield name, own, constant, sign * (own - constant)


def paired(
    one: pd.DataFrame, other: pd.DataFrame, pair: tuple[str, str], other_pair: tuple[str, str] | None = None
) -> pd.DataFrame:
    """Values of a (task, metric) by seed in two frames, the seeds that both have."""
    columns = {"one": _values(one, pair), "other": _values(other, other_pair or pair)}
    return pd.DataFrame(columns).dropna()


def _values(frame: pd.DataFrame, pair: tuple[str, str]) -> pd.Series:
    return frame.loc[pair] if pair in frame.index else pd.Series(dtype=float)


def by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per (task, metric), a column per seed, means over strategies; what nobody has is left out."""
    there = rows.dropna(subset="value")
    return there.pivot_table(index=["task", "metric"], columns="seed", values="value")


def _missing(rows: pd.DataFrame) -> dict[str, list[str]]:
    counts = rows.groupby(["task", "metric"])["value"].count()
    empty = [pair for pair, count in counts.items() if not count]
    return {task: [name for of_task, name in empty if of_task == task] for task, _ in empty}


def _source(subject: DatasetResults) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """What the first folder says of its tasks and of how it trained."""
    source = subject.study.sources_of(subject.dataset)[0]
    tasks, recipe = source.environment.get("tasks"), source.experiment.get("recipe")
    return (tasks if isinstance(tasks, Mapping) else {}, recipe if isinstance(recipe, Mapping) else {})


def _counted_epochs(recipe: Mapping[str, object]) -> str:
    epochs, least = recipe.get("epochs"), recipe.get("fewest_iterations")
    if not isinstance(epochs, int | float) or isinstance(epochs, bool):
        return ""
    return f"{epochs:g} epochs at every budget, in at least {least} iterations"


def _product(recipe: Mapping[str, object]) -> int | None:
    parts = [recipe.get(name) for name in ("iterations", "batch_size")]
    whole = [part for part in parts if isinstance(part, int) and not isinstance(part, bool) and part > 0]
    return whole[0] * whole[1] if len(whole) == len(parts) else None


def _headlines(tasks: Mapping[str, object], metrics: Metrics) -> dict[str, str]:
    """The headline metric of each task whose better direction is known."""
    named = {str(t): one.get("headline") for t, one in tasks.items() if isinstance(one, Mapping)}
    return {task: name for task, name in named.items() if isinstance(name, str) and metrics[name].better}


def _weights(tasks: Mapping[str, object]) -> dict[str, float]:
    named = {str(t): one.get("weight") for t, one in tasks.items() if isinstance(one, Mapping)}
    return {task: float(weight) for task, weight in named.items() if isinstance(weight, int | float)}
