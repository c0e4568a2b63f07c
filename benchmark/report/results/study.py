"""All that a report is made from: results, stored rounds, and how and where they were computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from benchmark.records.faults import ERROR, kept_error
from benchmark.records.round_store import CONSTANT, NOISE_FLOOR, NOISE_SELECTION, USEFULNESS, Round, Store
from benchmark.report.results.load import Results, read_results, stored_rounds
from benchmark.report.results.settings import experiment_of
from benchmark.untrusted_files import read_json
from strategies.reference import without_draw


@dataclass(frozen=True)
class Source:
    """One folder of results: its data sets, its ``environment.json`` and its ``experiment.yaml``.

    ``experiment`` is empty where the folder does not have that file. All that is asked later is read at once:
    the folder of an archive is gone then.
    """

    folder: Path
    datasets: tuple[str, ...]
    environment: Mapping[str, Any]
    experiment: Mapping[str, Any]
    #: Every stored round, and the trainings by which noise and the use of images were measured.
    rounds: tuple[Round, ...] = ()
    noise: tuple[Round, ...] = ()
    usefulness: tuple[Round, ...] = ()
    #: Why trajectories failed, by their folders.
    errors: Mapping[Path, str] = field(default_factory=dict)

    def noise_of(self, dataset: str, part: str) -> list[Round]:
        """The trainings of a part of the noise of a data set (``NOISE_FLOOR``, ``NOISE_SELECTION``)."""
        return [done for done in self.noise if (done.dataset, done.strategy) == (dataset, part)]

    def error_of(self, dataset: str, strategy: str, seed: int) -> str | None:
        """Why a trajectory failed; None where it left no reason."""
        return self.errors.get(Store(self.folder).trajectory(dataset, strategy, seed))

    @property
    def strategies(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each strategy by its full name; empty in older results."""
        about = self.environment.get("strategies")
        known = about if isinstance(about, Mapping) else {}
        return {str(name): one for name, one in known.items() if isinstance(one, Mapping)}

    @property
    def name(self) -> str:
        """The folder's own name, without where it lies."""
        return self.folder.resolve().name


def once(trainings: Iterable[Round]) -> list[Round]:
    """Each training once, though a folder and its own archive both hold it."""
    return list({(one.strategy, one.seed, one.round, one.key): one for one in trainings}.values())


@dataclass(frozen=True, eq=False)
class Study:
    """The results of one folder, or of several as one; ``rounds`` lack the scores of single images."""

    results: Results
    rounds: tuple[Round, ...]
    sources: tuple[Source, ...]

    def rounds_of(self, dataset: str) -> list[Round]:
        """The stored rounds of one data set, each of a network."""
        return [done for done in self.rounds if done.dataset == dataset and done.strategy != CONSTANT]

    def sources_of(self, dataset: str) -> list[Source]:
        """The folders that hold results of one data set."""
        return [source for source in self.sources if dataset in source.datasets]

    def headlines(self, dataset: str) -> dict[str, str]:
        """The headline metric of every task; empty unless all tasks have one whose better direction is known.

        A mean over some of the tasks would not be comparable with anything.
        """
        tasks = self.sources_of(dataset)[0].environment.get("tasks")
        about = tasks if isinstance(tasks, Mapping) else {}
        named = {task: one.get("headline") for task, one in about.items() if isinstance(one, Mapping)}
        known = all(isinstance(name, str) and self.results.metrics[name].better for name in named.values())
        return {str(task): str(name) for task, name in named.items()} if known else {}

    def only(self, names: Iterable[str]) -> Study:
        """With these strategies and the network trained on everything. Raises UserError for unknown names."""
        results = self.results.only(names)
        kept = tuple(done for done in self.rounds if without_draw(done.strategy) not in results.left_out)
        return replace(self, results=results, rounds=kept)


def read_study(folder: Path) -> Study:
    """Read a folder of results; raises UserError for all that is wrong with it."""
    stored = stored_rounds(folder)
    results = read_results(folder, stored)
    known = set(results.table[["dataset", "strategy"]].itertuples(index=False, name=None))
    rounds = tuple(done for done in stored if (done.dataset, done.strategy) in known)
    environment = read_json(folder / "environment.json")
    source = Source(
        folder,
        datasets=tuple(results.datasets),
        environment=environment,
        experiment=experiment_of(folder),
        rounds=stored,
        noise=tuple(_noise(Store(folder))),
        usefulness=tuple(Store(folder / USEFULNESS).rounds(scores=False)),
        errors=dict(_errors(folder)),
    )
    return Study(results, rounds, (source,))


def _noise(store: Store) -> Iterator[Round]:
    for dataset, part in product(store.noise_datasets(), (NOISE_FLOOR, NOISE_SELECTION)):
        yield from store.noise_rounds(dataset, part)


def _errors(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in folder.glob(f"*/*/seed-*/{ERROR}"):
        if said := kept_error(file.parent):
            yield file.parent, said
