"""The protocol of a study: data, settings, strategies, versions, and what is missing, as lists."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import list_files
from benchmark.report.formats.numbers import decimals, head
from benchmark.report.formats.table import Section
from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.settings import flattened, planned_budgets, written
from benchmark.report.results.study import Source, Study
from benchmark.report.statistics.design.planned_words import rule
from benchmark.report.statistics.full_data_gap import gap_words
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.labels_needed import FITTED
from benchmark.report.statistics.oracle_gain import gain_words
from benchmark.report.tables.cost_table import costs_of
from benchmark.report.tables.evaluation_images_table import image_words
from benchmark.report.tables.headline_table import left_out_note
from benchmark.report.validity.labels_matter import checks_of
from benchmark.report.validity.missing_results import gaps
from strategies.reference import without_draw

#: Fields of an experiment that are said elsewhere.
ELSEWHERE = ("name", "dataset", "strategies", "seeds", "budgets")
MACHINE = ("device", "threads", "deterministic", "arithmetic", "python", "platform", "revision", "packages")
Facts = dict[str, str]


def render(study: Study) -> dict[str, bytes]:
    """The files of the protocol by their path within the folder of the report."""
    return list_files("protocol", [section for section in protocol(study) if section.facts])


def protocol(study: Study) -> list[Section]:
    """What was done on each data set, and with what."""
    of_datasets = [section for subject in subjects(study) for section in _of_dataset(subject)]
    return [*of_datasets, Section("machine and versions", _agreed(study.sources, _machine))]


def _of_dataset(subject: DatasetResults) -> Iterator[Section]:
    sources, dataset = subject.study.sources_of(subject.dataset), subject.dataset
    yield Section(f"{dataset}: results", list(_results(subject)))
    yield Section(f"{dataset}: validity", list(_validity(subject)))
    yield Section(f"{dataset}: comparisons", list(_comparisons(subject)))
    yield Section(f"{dataset}: data", _agreed(sources, _data))
    yield Section(f"{dataset}: settings", _agreed(sources, _settings))
    yield Section(f"{dataset}: network", _agreed(sources, lambda source: _each(source, "network")))
    yield Section(f"{dataset}: tasks", _agreed(sources, lambda source: _each(source, "tasks")))
    strategies = _agreed(sources, lambda source: _each(source, "strategies"))
    hidden = subject.results.left_out
    yield Section(f"{dataset}: strategies", [f for f in strategies if without_draw(f[0]) not in hidden])


def _validity(subject: DatasetResults) -> Iterator[tuple[str, str]]:
    found = checks_of(subject)
    yield from ((check.name, check.text) for check in found if not check.warning)
    if warnings := [check.text for check in found if check.warning]:
        yield "warnings", "; ".join(warnings)


def _agreed(sources: Sequence[Source], facts_of: Callable[[Source], Facts]) -> list[tuple[str, str]]:
    """The facts of several folders: once where they agree, and each with its folder where they do not."""
    values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for source in sources:
        for name, fact in facts_of(source).items():
            values[name][fact].append(source.name)
    return [(name, _joined(found)) for name, found in values.items()]


def _joined(found: Mapping[str, Sequence[str]]) -> str:
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{fact} ({', '.join(folders)})" for fact, folders in found.items())


def _data(source: Source) -> Facts:
    return _words(source.environment.get("data"))


def _settings(source: Source) -> Facts:
    return _words({name: value for name, value in source.experiment.items() if name not in ELSEWHERE})


def _machine(source: Source) -> Facts:
    known = source.environment
    found = _versions({name: known[name] for name in MACHINE if name in known})
    earlier = known.get("earlier")
    others = [_other(each, found) for each in earlier] if isinstance(earlier, list) else []
    said = "; ".join(filter(None, others))
    return found | ({"earlier rounds": said} if said else {})


def _other(machine: Any, now: Facts) -> str:
    """What an earlier machine had that is not as now; empty if there is no such thing."""
    others = {name: value for name, value in _versions(machine).items() if now.get(name) != value}
    return written(others) if others else ""


def _versions(known: Any) -> Facts:
    return {name.removeprefix("packages."): value for name, value in _words(known).items()}


def _words(value: Any) -> Facts:
    return {name: written(leaf) for name, leaf in flattened(value).items()}


def _each(source: Source, part: str) -> Facts:
    """A line for each task or strategy."""
    about = source.environment.get(part)
    return {name: written(one) for name, one in about.items()} if isinstance(about, Mapping) else {}


def _results(subject: DatasetResults) -> Iterator[tuple[str, str]]:
    """Seeds, budgets, what is there and what is not."""
    planned, budgets = _planned(subject), _budgets(subject)
    pool = subject.results.pool[subject.dataset]
    heads = {size: head(size, pool) for size in (*budgets, pool)}
    yield "seeds", written(sorted(set().union(*planned.values())))
    what = "price of labels, in whole images' worth" if subject.is_priced else "labelled images"
    yield what, written([heads[size] for size in budgets])
    yield from gaps(subject, planned, budgets, heads)
    yield "values that a metric does not have", _without_value(subject)
    if hours := _hours(subject):
        yield "computing time", f"{hours:.3g} hours"


def _comparisons(subject: DatasetResults) -> Iterator[tuple[str, str]]:
    """What was declared before any result: the number, the test and its family, the scale, the fit."""
    found = subject.evidence
    if len(found.budgets) < 2 or not found.family.size:
        return
    yield "headline", f"NAUBC of the total validation loss, lower is better, minus that of {RANDOM}"
    yield "test", f"paired t over seeds, from {SEEDS_FOR_A_TEST} seeds on, Holm-corrected"
    yield "family", f"{found.family.words}; any other pair is exploratory, corrected for all pairs"
    if found.planned:
        yield "plan", rule(found.planned)
        if found.planned.changes:
            yield "plan changed", "; ".join(found.planned.changes)
    if note := left_out_note(found):
        yield "not shown", note
    places = decimals(float(found.naubc["naubc"].abs().max()))
    yield "scale", gap_words(found.gap, places)
    if said := gain_words(found.oracle, places):
        yield "oracle", said
    if said := image_words(found):
        yield "validation images", said
    yield "labels needed", FITTED


def _planned(subject: DatasetResults) -> dict[str, set[int]]:
    """The seeds of each strategy, by what the folders say was to run and by what is there."""
    planned: dict[str, set[int]] = defaultdict(set)
    for source in subject.study.sources_of(subject.dataset):
        for name in _planned_names(source):
            planned[name] |= set(source.experiment.get("seeds") or ())
    there = subject.results.trajectories(subject.dataset)[["strategy", "seed"]].drop_duplicates()
    for name, seed in there.itertuples(index=False, name=None):
        planned[name].add(int(seed))
    hidden = subject.results.left_out
    return {name: seeds for name, seeds in sorted(planned.items()) if without_draw(name) not in hidden}


def _planned_names(source: Source) -> list[str]:
    """Older results lack full names: of those that a user wrote, only plain ones are sure to be full."""
    about = source.environment.get("strategies")
    written_by_user = map(str, source.experiment.get("strategies") or ())
    plain = [name for name in written_by_user if re.fullmatch(r"[\w-]+", name)]
    full_data = [FULL_DATA] if source.experiment.get("full_data") is True else []
    return [*(about if isinstance(about, Mapping) else plain), *full_data]


def _budgets(subject: DatasetResults) -> list[int]:
    """Planned and there."""
    pool = subject.results.pool[subject.dataset]
    planned = (
        planned_budgets(source.experiment, pool, str(source.folder / "experiment.yaml"))
        for source in subject.study.sources_of(subject.dataset)
    )
    return sorted({*subject.evidence.budgets, *(size for budgets in planned for size in budgets)})


def _without_value(subject: DatasetResults) -> str:
    rows = subject.results.of(subject.dataset)
    counts = rows[rows["value"].isna()].groupby(["task", "metric"]).size()
    return ", ".join(f"{task} {metric} {count}" for (task, metric), count in counts.items()) or "none"


def _hours(subject: DatasetResults) -> float:
    """Of all stages; a round 0, which all strategies of a seed share, counts once."""
    spent = costs_of(subject)
    shared = (spent["round"] == 0) & (spent["strategy"] != FULL_DATA)
    trained = pd.concat([spent[~shared], spent[shared].drop_duplicates("seed")])
    seconds = trained[["train", "evaluate"]].to_numpy(), spent[["observe", "select"]].to_numpy()
    return float(sum(map(np.nansum, seconds))) / 3600
