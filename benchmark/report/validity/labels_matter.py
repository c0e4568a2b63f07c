"""Is a study valid: did labels make a difference at all, so that which images get them could matter?

Numbers from the stored losses and metrics of one data set, and sentences on them; nothing is tested here, and
strategies are not told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import as_csv
from benchmark.report.formats.numbers import head
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.results.metrics import PLAIN, Metrics, in_order, metric
from benchmark.report.results.study import Study
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST, t_interval
from benchmark.report.validity.check import Check
from benchmark.report.validity.controls import control_checks
from benchmark.words import counted

#: A relative difference that is none to speak of.
NEGLIGIBLE = 0.02
#: Of the total loss's fall; a task with more decides alone what is concluded.
LARGEST_SHARE = 0.5
LOSS, INITIAL = "loss", "initial_loss"


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
        return _named(self.task, self.metric)

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


def checks(found: Regime) -> list[Check]:
    """All answers, and the warnings among them."""
    parts = (_nothing_known, _labels, _refinement, _epochs, _shares, _constants)
    return [check for part in parts for check in part(found)]


def checks_of(subject: DatasetResults) -> list[Check]:
    """The same of a data set of a study, and of its controls; none where there is nothing to ask."""
    found = regime(subject)
    return [] if found is None else [*checks(found), *control_checks(subject)]


def notes(study: Study) -> list[str]:
    """A paragraph a data set, and each of its warnings as one more."""
    every = [(subject.dataset, checks_of(subject)) for subject in subjects(study)]
    return [text for dataset, found in every if found for text in _paragraphs(dataset, found)]


def render(study: Study) -> dict[str, bytes]:
    """The numbers behind the sentences by their path within the folder of the report."""
    found = [(subject.dataset, regime(subject)) for subject in subjects(study)]
    parts = [numbers(one).assign(dataset=dataset) for dataset, one in found if one is not None]
    if not parts:
        return {}
    table = pd.concat(parts)
    return {"tables/validity.csv": as_csv(table[["dataset", *table.columns.drop("dataset")]])}


def numbers(found: Regime) -> pd.DataFrame:
    """A row a task and metric: values at the first budget and at the end, and of the best constant."""
    pairs = [pair for pair in found.first.index if pair in found.end.index]
    rows = []
    for task, name in pairs:
        one = found.change(task, name)
        constant = paired(found.first, found.constant, (task, name))["other"].mean()
        rows.append(
            {"task": task, "metric": name, "seeds": one.seeds, "first": one.first, "end": one.end}
            | {"gain": one.gain, "constant": constant}
        )
    return pd.DataFrame(rows, columns=["task", "metric", "seeds", "first", "end", "gain", "constant"])


def _paragraphs(dataset: str, found: Sequence[Check]) -> Iterator[str]:
    facts = "; ".join(f"{check.name}: {check.text}" for check in found if not check.warning)
    yield f"Validity of {dataset}. {_capital(facts)}."
    yield from (f"Warning: {_capital(check.text)}." for check in found if check.warning)


def _named(task: str, name: str) -> str:
    """A metric of a task, without saying "edge edge F"."""
    label = metric(name).label
    plain = label if label[:2].isupper() or label[1:2].isupper() else label[:1].lower() + label[1:]
    return plain if plain.startswith(f"{task} ") else f"{task} {plain}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _nothing_known(found: Regime) -> Iterator[Check]:
    """Which tasks are left out, because nothing is known of them?"""
    for task, names in found.missing.items():
        listed = ", ".join(_named(task, name) for name in names)
        yield Check("values", f"no network has a value of {listed}: what would need it is left out", True)


def _labels(found: Regime) -> Iterator[Check]:
    """Does every task get better from the first budget to the end?"""
    named = {task: found.headline(task) for task in found.tasks}
    pairs = [*named.items(), TOTAL_LOSS]
    changes = [
        one for one in (found.change(*pair) for pair in pairs if found.metrics[pair[1]].better) if one.seeds
    ]
    listed = ", ".join(f"{one.name} {one.first:.4g} to {one.end:.4g}" for one in changes)
    yield Check(f"from {found.start.removeprefix('at ')} to {_end(found)}", listed or "no value is there")
    for one in changes:
        yield from _difference(one, found)
    known = {one.task for one in changes}
    for task in [name for name in (*named, TOTAL_LOSS[0]) if name not in known | found.missing.keys()]:
        yield Check(
            "labels", f"whether labels made a difference for {task} is not known: it has no value", True
        )


def _end(found: Regime) -> str:
    return "all labels" if found.full else found.stop.removeprefix("at ")


def _difference(one: Change, found: Regime) -> Iterator[Check]:
    values = one.values(found.start, found.stop)
    if one.gain <= 0:
        yield Check("labels", f"more labels made {one.name} no better: {values}", True)
    elif one.gain < NEGLIGIBLE * abs(one.first):
        small = f"less than {_percent(NEGLIGIBLE)} better"
        yield Check(
            "labels", f"labels made no difference for {one.name} to speak of: {values}, {small}", True
        )
    elif one.seeds >= SEEDS_FOR_A_TEST and one.low <= 0:
        seeds = counted(one.seeds, "seed")
        yield Check("labels", f"labels made no difference for {one.name} that {seeds} show: {values}", True)


def _refinement(found: Regime) -> Iterator[Check]:
    """Is the second stage's prediction at least as good as the first one's?"""
    worse, asked = [], 0
    for where, values in ((found.start, found.first), (found.stop, found.end)):
        for task in found.tasks:
            pairs = paired(values, values, (task, LOSS), (task, INITIAL))
            refined, initial = pairs["one"].mean(), pairs["other"].mean()
            asked += len(pairs) > 0
            if refined > initial * (1 + 1e-6):
                worse.append(f"{task} {where} (loss {refined:.4g} against {initial:.4g})")
    if asked and not worse:
        yield Check("refined predictions", "at least as good as the initial ones for every task")
    if worse:
        yield Check(
            "refined predictions",
            f"the refined prediction is worse than the initial: {', '.join(worse)}",
            True,
        )


def _epochs(found: Regime) -> Iterator[Check]:
    """How often is each image seen?"""
    if found.epochs:
        yield Check("epochs", found.epochs)
    if found.shown is None:
        return
    sizes = dict.fromkeys((found.budgets[0], found.budgets[-1], *([found.pool] if found.full else [])))
    epochs = {size: found.shown / size for size in sizes}
    listed = ", ".join(f"{times:.3g} at {head(size, found.pool)}" for size, times in epochs.items())
    yield Check("epochs", f"{found.recipe} are {listed}")
    short = [head(size, found.pool) for size, times in epochs.items() if times < 1]
    if short:
        yield Check(
            "epochs",
            f"a training of {found.recipe} is over before each image was seen: {', '.join(short)}",
            True,
        )


def _shares(found: Regime) -> Iterator[Check]:
    """Which part of the total's fall is a task's?"""
    known = falls(found)
    if not known:
        return
    listed = ", ".join(
        f"{task} {_percent(share)}" for task, share in sorted(known.items(), key=lambda kv: -kv[1])
    )
    yield Check("shares of the total loss's fall", listed)
    largest = max(known, key=lambda task: known[task])
    if len(known) > 2 and known[largest] > LARGEST_SHARE:
        yield Check(
            "shares of the total loss's fall",
            f"{largest} alone makes {_percent(known[largest])} of the total loss's fall, which says little "
            "of the other tasks",
            True,
        )


def falls(found: Regime) -> dict[str, float]:
    """Each task's weighted part of the total loss's fall; empty where that is none, or one is not known."""
    total = found.change(*TOTAL_LOSS).gain
    parts = {task: found.weights.get(task, math.nan) * found.change(task, LOSS).gain for task in found.tasks}
    if not total > 0 or any(math.isnan(part) for part in parts.values()):
        return {}
    return {task: part / total for task, part in parts.items()}


def _constants(found: Regime) -> Iterator[Check]:
    """Is a network better than saying the same of every pixel?"""
    if found.constant.empty:
        return
    asked = [task for task in found.tasks if len(_against(found.end, found, task, LOSS))]
    losses = ", ".join(
        f"{task} {pairs['one'].mean():.4g} ({pairs['other'].mean():.4g})"
        for task in asked
        if len(pairs := _against(found.end, found, task, LOSS))
    )
    if losses:
        yield Check(f"loss {found.stop} (of the best constant prediction)", losses)
    for where, values in ((found.start, found.first), (found.stop, found.end)):
        if bad := [text for task in asked if (text := _no_better(task, values, found))]:
            text = f"no better than the best constant prediction {where}: {', '.join(bad)}"
            yield Check("constant", text, True)


def _no_better(task: str, values: pd.DataFrame, found: Regime) -> str:
    """The first of a task's loss and headline metric in which a constant is as good; empty if none is."""
    for name in dict.fromkeys((LOSS, found.headline(task))):
        pairs = _against(values, found, task, name)
        sign = -1 if found.metrics[name].better == "lower" else 1
        own, constant = pairs["one"].mean(), pairs["other"].mean()
        if sign * (own - constant) <= 0:
            return f"{_named(task, name)} {own:.4g} against {constant:.4g}"
    return ""


def _against(values: pd.DataFrame, found: Regime, task: str, name: str) -> pd.DataFrame:
    return paired(values, found.constant, (task, name))


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
