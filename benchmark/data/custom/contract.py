"""The contract that every data set keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on the built-in ones, the published ones as small copies; ``mtal check
FILE`` runs them on a user's, with the folder that MTAL_DATA names if there is one.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.checks.check import check_dataset, evenly
from benchmark.data.custom.dataset import open_registered
from benchmark.data.dataset import MultiTaskDataset, Sample, Split
from benchmark.data.decoded.memory_cache import Remembered
from benchmark.errors import UserError
from benchmark.experiment.catalogue import OWN_FAMILY, sizes_of
from benchmark.plugins import DATASETS, Entry, RegistryError
from strategies.parameters import Parameter

__all__ = ["CLAUSES", "Probe"]

LOOKED_AT = 8  # images of a split


class Probe:
    """A registered data set, opened where its data lie."""

    def __init__(self, entry: Entry, data_root: Path | None = None) -> None:
        self.entry, self.data_root = entry, data_root

    def opened(self, **options: Any) -> MultiTaskDataset:
        """As a run opens it."""
        return open_registered(self.entry, options, self.data_root)

    @cached_property
    def dataset(self) -> MultiTaskDataset:
        """With its options as they are by default."""
        return self.opened()

    @property
    def looked_at(self) -> Iterator[tuple[str, Split, int]]:
        """The split, by name too, and the place of each image that clauses look at."""
        for name, split in _splits(self.dataset):
            yield from ((name, split, position) for position in evenly(len(split.ids), LOOKED_AT))


def names_its_images(probe: Probe) -> None:
    """Ids are unique printable texts, one a sample; train and val have none in common; each time the same."""
    dataset = probe.dataset
    for name, split in _splits(dataset):
        assert split.ids, f"{name} is empty"
        assert all(isinstance(i, str) and i and i.isprintable() for i in split.ids), (
            f"{name} has ids that are no text"
        )
        assert len(set(split.ids)) == len(split.ids), f"{name} has an id twice"
    both = sorted(set(dataset.train.ids) & set(dataset.val.ids))
    assert not both, f"{both[:1]} is in train and in val: val is never trained on"
    again = probe.opened()
    same = (again.train.ids, again.val.ids) == (dataset.train.ids, dataset.val.ids)
    assert same, "opened again, it has other ids, or the same in another order: sort them"


def gives_samples_in_the_formats(probe: Probe) -> None:
    """Images and labels are of the types, shapes and ranges that ``Sample`` says, all of one size."""
    tasks, sizes = {task.name for task in probe.dataset.tasks}, set()
    for name, split, position in probe.looked_at:
        sample, where = split[position], f"{split.ids[position]!r} of {name}"
        assert isinstance(sample.labels, Mapping), (
            f"the labels of {where} are {sample.labels!r:.60}, no mapping"
        )
        for what, values in {"image": sample.image, **sample.labels}.items():
            assert isinstance(values, np.ndarray), (
                f"the {what} of {where} is {type(values).__name__}, no array; leave a missing label out"
            )
        assert set(sample.labels) <= tasks, (
            f"{where} has a label of {sorted(set(sample.labels) - tasks)[0]!r}"
        )
        sizes.add(sample.image.shape[:2])
    assert len(sizes) == 1, f"images are of sizes {sorted(sizes)}; all must be of one"
    problems = check_dataset(probe.dataset, quick=True).fatal
    assert not problems, problems[0].rstrip(".")


def gives_the_same_sample_again(probe: Probe) -> None:
    """A sample is the same each time, in any order, in threads, and when the data set is opened anew."""
    places = list(probe.looked_at)
    first = [_copied(split[position]) for _, split, position in places]
    again = dict(_splits(probe.opened()))
    for (name, split, position), sample in reversed(list(zip(places, first, strict=True))):
        for other in (split[position], again[name][position]):
            assert _same(sample, other), (
                f"{split.ids[position]!r} of {name} is another when it is asked for again"
            )
    with ThreadPoolExecutor(4) as threads:
        for sample, other in zip(first, threads.map(lambda p: again[p[0]][p[2]], places), strict=True):
            assert _same(sample, other), "a sample is another when several threads ask for samples at once"


def has_a_digest_of_its_content(probe: Probe) -> None:
    """The digest is text, stable, and another whenever an option gives other content."""
    digest, ids = probe.dataset.digest, (probe.dataset.train.ids, probe.dataset.val.ids)
    assert isinstance(digest, str) and digest, f"the digest is {digest!r}, no text"
    assert probe.opened().digest == digest, "the digest is another when the data set is opened again"
    samples = [_copied(split[position]) for _, split, position in probe.looked_at]
    for options in _others(probe):
        try:
            other = probe.opened(**options)
        except (UserError, RegistryError):
            continue
        same = (other.train.ids, other.val.ids) == ids and all(
            _same(sample, dict(_splits(other))[name][position])
            for sample, (name, _, position) in zip(samples, probe.looked_at, strict=True)
        )
        assert same or other.digest != digest, (
            f"with {options} the content is other, and the digest is not: make it of all that decides it"
        )


def can_be_sent_to_a_process(probe: Probe) -> None:
    """Splits survive pickling: where memory is short, other processes decode them."""
    for name, split in _splits(probe.dataset):
        try:
            sent = pickle.loads(pickle.dumps(split))  # noqa: S301 - what was made on this line
        except Exception as error:
            raise AssertionError(f"{name} cannot be sent to another process: {error}") from error
        assert sent.ids == split.ids and _same(sent[0], split[0]), f"{name} is another in another process"


def says_what_json_can_hold(probe: Probe) -> None:
    """Facts are kept beside results, as JSON; presets of its family are there."""
    _ = probe.dataset  # opened: which refuses facts that JSON cannot hold, and names which
    family = probe.entry.family or OWN_FAMILY
    every = {*(entry.family for entry in DATASETS.entries.values() if entry.family), OWN_FAMILY}
    families = sorted(filter(sizes_of, every))
    assert sizes_of(family), f"there are no presets of the family {family!r}; there is: {', '.join(families)}"


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    names_its_images,
    gives_samples_in_the_formats,
    gives_the_same_sample_again,
    has_a_digest_of_its_content,
    can_be_sent_to_a_process,
    says_what_json_can_hold,
)


def _splits(dataset: MultiTaskDataset) -> list[tuple[str, Split]]:
    """By name, without the memory of samples that were asked for before."""
    splits = {"train": dataset.train, "val": dataset.val}
    return [(n, split.split if isinstance(split, Remembered) else split) for n, split in splits.items()]


def _copied(sample: Sample) -> Sample:
    """So that a data set that writes into what it gave is found out."""
    return Sample(sample.image.copy(), {task: label.copy() for task, label in sample.labels.items()})


def _same(one: Sample, other: Sample) -> bool:
    return (
        one.image.tobytes() == other.image.tobytes()
        and one.labels.keys() == other.labels.keys()
        and all(one.labels[task].tobytes() == other.labels[task].tobytes() for task in one.labels)
    )


def _others(probe: Probe) -> Iterator[dict[str, Any]]:
    """Another value of each option that has one that can be guessed."""
    for parameter in probe.entry.parameters.values():
        for value in _other_values(parameter):
            yield {parameter.name: value}


def _other_values(parameter: Parameter) -> list[Any]:
    default = parameter.default
    if parameter.choices or parameter.annotation is bool:
        return [value for value in (parameter.choices or (True, False)) if value != default]
    return [default + 1, 2 * default + 3] if parameter.annotation in (int, float) else []
