"""A sweep: the same experiment with other values of a field or several, each a study of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from benchmark.api.request import RESULTS, Asked, Way, asked_for
from benchmark.api.study import Study
from benchmark.errors import UserError
from benchmark.experiment.sweep import Variant, grid
from benchmark.protocol.jobs import plan
from benchmark.records.results_folder import check_agreement
from benchmark.records.sweep_folder import check_sweep, is_sweep, write_sweep
from benchmark.report import Report
from benchmark.words import counted

if TYPE_CHECKING:
    from benchmark.execution.run import Outcome


def load_sweep(folder: str | Path) -> Sweep:
    """Read the folder of a sweep: what ``run(vary=..)`` gave. Raises UserError for what is none."""
    from benchmark.report.sweep import read_variants

    place = Path(folder)
    if not is_sweep(place):
        raise UserError(f"{place} holds no sweep: give the folder that `mtal run --vary` wrote.")
    studies = {variant: Study((place / variant.folder,), study) for variant, study in read_variants(place)}
    return Sweep(place, studies)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Mapping[Hashable, Study]):
    """The studies of a sweep by the value that was varied, by a tuple of them where several were.

    ``sweep["mti_net"]`` is a `Study`; nothing is averaged across them.
    """

    folder: Path
    studies: Mapping[Variant, Study]
    #: Jobs that failed, and why: a line each.
    failures: tuple[str, ...] = ()

    @property
    def fields(self) -> list[str]:
        """What was varied."""
        return list(next(iter(self.studies)).settings)

    @property
    def headline(self) -> pd.DataFrame:
        """`Study.headline` of every variant, the varied fields as levels of the index."""
        return self._joined(lambda study: study.headline)

    @property
    def naubc(self) -> pd.DataFrame:
        """`Study.naubc` of every variant, likewise."""
        return self._joined(lambda study: study.naubc)

    @property
    def results(self) -> pd.DataFrame:
        """`Study.results` of every variant, likewise."""
        return self._joined(lambda study: study.results)

    def report(
        self,
        *,
        strategies: Sequence[str] | None = None,
        columns: Literal[1, 2] = 1,
        captions: bool = True,
    ) -> Report:
        """Write the tables, the figure and the page of the sweep, and the report of each variant."""
        from benchmark.report.sweep import write_sweep_report

        return write_sweep_report(self.folder, columns=columns, captions=captions, strategies=strategies)

    def _joined(self, part: Callable[[Study], pd.DataFrame]) -> pd.DataFrame:
        frames = [part(study) for study in self.studies.values()]
        keys = [tuple(map(_hashable, variant.settings.values())) for variant in self.studies]
        joined = pd.concat(frames, keys=keys, names=[*self.fields, None])
        return joined.droplevel(-1)

    def __getitem__(self, key: Hashable) -> Study:
        return {_key(variant): study for variant, study in self.studies.items()}[key]

    def __iter__(self) -> Iterator[Hashable]:
        return map(_key, self.studies)

    def __len__(self) -> int:
        return len(self.studies)

    def __str__(self) -> str:
        from benchmark.report.formats.text import terminal
        from benchmark.words import terminal_width

        return terminal(self._tables(), terminal_width())

    def __repr__(self) -> str:
        return f"Sweep({str(self.folder)!r}: {'; '.join(variant.label for variant in self.studies)})"

    def _repr_html_(self) -> str:
        from benchmark.report.formats.html import as_html

        return "".join(map(as_html, self._tables()))

    def _tables(self) -> list[Any]:
        from benchmark.report.sweep.table import make_tables

        return make_tables([(variant, study.read) for variant, study in self.studies.items()])


@dataclass(frozen=True)
class Plan:
    """A sweep before it runs: the folder of all, and what is asked for by variant."""

    folder: Path
    asked: Mapping[Variant, Asked]

    @property
    def text(self) -> str:
        """A line a variant: its jobs, and where its results go."""
        jobs = (counted(len(list(plan(one.experiment))), "job") for one in self.asked.values())
        lines = [
            f"{variant.label}: {count} in all; results in {one.folder}"
            for count, (variant, one) in zip(jobs, self.asked.items(), strict=True)
        ]
        return "\n".join([f"{counted(len(lines), 'variant')}, one after the other:", *lines])


def planned(
    file: Path | None,
    preset: str | None,
    fields: Mapping[str, Any],
    vary: Mapping[str, Sequence[Any]],
    out: Path | None,
) -> Plan:
    """Every variant as an experiment of its own. Raises UserError for what any of them cannot be, or a folder
    that cannot take them."""
    variants = grid(vary)
    bare = {variant: asked_for(file, preset, variant.over(fields), out) for variant in variants}
    name = next(iter(bare.values())).experiment.name
    folder = out or RESULTS / f"{name}-by-{'-'.join(vary)}"
    check_sweep(folder, variants)
    asked = {variant: _within(folder, variant, one) for variant, one in bare.items()}
    for one in asked.values():
        check_agreement(one.experiment, one.folder)
    return Plan(folder, asked)


def run_planned(sweep: Plan, way: Way) -> dict[Variant, Outcome]:
    """Run every variant, one after the other; what is stored is not done again."""
    from benchmark.execution.run import run

    write_sweep(sweep.folder, list(sweep.asked))
    outcomes = {}
    for variant, one in sweep.asked.items():
        way.progress.say(f"\n{variant.label}")
        outcomes[variant] = run(one.experiment, one.folder, *way)
    return outcomes


def failures_of(outcomes: Mapping[Variant, Outcome]) -> tuple[str, ...]:
    """What failed, each line with its variant."""
    return tuple(
        f"{variant.label}: {line}" for variant, outcome in outcomes.items() for line in outcome.failures
    )


def _within(folder: Path, variant: Variant, asked: Asked) -> Asked:
    name = re.sub(r"[^\w.=\- ]", "-", f"{asked.experiment.name} {variant.label}")
    return Asked(asked.experiment.model_copy(update={"name": name}), folder / variant.folder)


def _key(variant: Variant) -> Hashable:
    values = tuple(map(_hashable, variant.settings.values()))
    return values[0] if len(values) == 1 else values


def _hashable(value: Any) -> Hashable:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else _text_of(value)


def _text_of(value: Any) -> Hashable:
    return str(value) if isinstance(value, Mapping) else value
