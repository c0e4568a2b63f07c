"""A data set of one's own: what a registered class or function makes, as the benchmark takes it.

It is an object with ``tasks``, the splits ``train`` and ``val``, and a ``digest``; ``facts``, ``codings``,
``findings``, ``groups``, ``columns`` and ``origin`` may be added (see ``MultiTaskDataset``, which it may also
be). Part of the images, and another size, can be asked of every data set: what a constructor does not take is
done here.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from benchmark.data.custom.optional_parts import fault_of_parts
from benchmark.data.dataset import MultiTaskDataset, Sample, Split
from benchmark.data.decoded.memory_cache import Remembered
from benchmark.data.options import Sized
from benchmark.data.resizing import Shrink, Size, resized_image, resized_label
from benchmark.data.roots import named_root
from benchmark.errors import UserError
from benchmark.experiment.validation import sentences
from benchmark.plugins import Entry, RegistryError
from strategies.registration import unknown

PARTS: tuple[Literal["train", "val"], ...] = ("train", "val")
NEEDED = ("tasks", "train", "val", "digest")


def open_registered(
    entry: Entry, options: Mapping[str, Any], data_root: Path | None = None
) -> MultiTaskDataset:
    """Open a data set of the benchmark, or one of somebody's own."""
    if not entry.built_in:
        return open_own(entry, options, data_root)
    dataset: MultiTaskDataset = entry.create(data_root, options=options)
    return dataset


def open_own(entry: Entry, options: Mapping[str, Any], data_root: Path | None = None) -> MultiTaskDataset:
    """Open it with its options, and those that every data set takes.

    Raises RegistryError for an option that there is not, with the nearest, and for an object that is none;
    UserError for a value out of range, and what its own code raises as one.
    """
    own, asked = _divided(entry, options)
    made = made_by(entry, own, data_root)
    return MultiTaskDataset(
        entry.name,
        tuple(made.tasks),
        _split(made, "train", entry.name, asked),
        _split(made, "val", entry.name, asked),
        _digest(entry, own, asked, made.digest),
        {"source": entry.source, "options": _all(entry, own), **getattr(made, "facts", {})},
        getattr(made, "codings", {}),
        tuple(getattr(made, "findings", ())),
        getattr(made, "origin", None),
        groups=getattr(made, "groups", None),
        columns=getattr(made, "columns", {}),
        code=entry.digest,
    )


def made_by(entry: Entry, own: Mapping[str, Any], data_root: Path | None) -> Any:
    """What the class or function makes, once it is seen to be a data set. Raises RegistryError."""
    root = named_root(data_root)
    made = entry.create(root and root.folder, options=own)
    if wrong := fault_of(made):
        raise RegistryError(f"Data set {entry.name!r} {wrong}.")
    return made


def fault_of(made: Any) -> str | None:
    """Why an object is no data set, the rest of a sentence; None if it is one."""
    from benchmark.tasks.task import Task

    for name in NEEDED:
        if not hasattr(made, name):
            return f"makes {type(made).__name__}, which has no {name}; it needs {', '.join(NEEDED)}"
    if not isinstance(made.tasks, tuple | list) or not made.tasks:
        return "must have tasks: a list of one or more, made by benchmark.tasks.make_task"
    for task in made.tasks:
        if not isinstance(task, Task):
            return f"has {task!r:.60} among its tasks; make each by benchmark.tasks.make_task"
    names = [task.name for task in made.tasks]
    if len(set(names)) < len(names):
        return f"has two tasks of one name among {', '.join(names)}"
    if not isinstance(made.digest, str) or not made.digest:
        return f"must have a digest that is text and changes with its data, not {made.digest!r:.60}"
    ids = next(filter(None, (_fault_of_ids(part, getattr(made, part)) for part in PARTS)), None)
    return ids or fault_of_parts(made)


def _fault_of_ids(part: str, split: Any) -> str | None:
    ids = getattr(split, "ids", None)
    if not isinstance(ids, tuple | list) or not ids or not all(isinstance(one, str) and one for one in ids):
        return f"must have {part}.ids, a tuple of one or more texts, not {ids!r:.60}"
    for image in ids:
        if not image.isprintable():
            return f"has the id {image!r:.60} in {part}; ids are printable text"
    if len(set(ids)) < len(ids):
        twice = next(image for image in ids if list(ids).count(image) > 1)
        return f"has the id {twice!r} twice in {part}; ids are unique"
    return None


@dataclass(frozen=True)
class OwnSplit:
    """A split of it: as many images as were asked for, evenly spaced, brought to the size asked for."""

    split: Split
    #: What errors call the split.
    where: str
    positions: tuple[int, ...]
    size: Size | None
    #: How labels of tasks are made smaller that do not take the nearest pixel.
    rules: Mapping[str, Shrink]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Those of the images that are used."""
        return tuple(self.split.ids[position] for position in self.positions)

    def __getitem__(self, position: int) -> Sample:
        """One sample. Raises UserError that names the image, whatever its code raises."""
        try:
            sample = self._checked(self.split[self.positions[position]], position)
            return self._resized(sample) if self.size else sample
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{self.where} {self.ids[position]!r}: its code failed: {type(error).__name__}: {error}"
                f"{_place(error)}."
            ) from error

    def _checked(self, sample: Any, position: int) -> Sample:
        """What its code gives, once it is seen to be a sample; of what size and type, the data check asks."""
        if wrong := fault_of_sample(sample):
            raise UserError(f"{self.where} {self.ids[position]!r}: {wrong}.")
        checked: Sample = sample
        return checked

    def _resized(self, sample: Sample) -> Sample:
        labels = {
            task: resized_label(label, self.size, self.rules.get(task, "nearest"))
            for task, label in sample.labels.items()
        }
        return Sample(resized_image(sample.image, self.size), labels)


def fault_of_sample(sample: Any) -> str | None:
    """Why an object is no sample of arrays, a sentence without its end; None if it is one."""
    if not isinstance(sample, Sample):
        return f"its code gives {type(sample).__name__}, and should give benchmark.data.dataset.Sample"
    if not isinstance(sample.image, np.ndarray):
        return f"its image is {type(sample.image).__name__}, and should be a NumPy array"
    if not isinstance(sample.labels, Mapping):
        return f"its labels are {type(sample.labels).__name__}, and should be a mapping from tasks to arrays"
    for task, label in sample.labels.items():
        if not isinstance(label, np.ndarray):
            kind = type(label).__name__
            return f"its {task} label is {kind}, and should be a NumPy array; leave a missing label out"
    return None


def _place(error: Exception) -> str:
    """Where the code of the data set is that raised it: the innermost file that is none of the benchmark."""
    here = Path(__file__).parents[2]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(here)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _split(made: Any, part: Literal["train", "val"], name: str, asked: Sized) -> Remembered:
    split: Split = getattr(made, part)
    rules: dict[str, Shrink] = {task.name: "any" for task in made.tasks if _is_edge(task)}
    used = asked.of(dict.fromkeys(PARTS, tuple(split.ids)))[part]
    places = {image: place for place, image in enumerate(split.ids)}
    positions = tuple(places[image] for image in used)
    return Remembered(OwnSplit(split, f"Data set {name!r}, {part}, image", positions, asked.target, rules))


def _is_edge(task: Any) -> bool:
    from benchmark.tasks.edge import Edge

    return isinstance(task, Edge)


def _divided(entry: Entry, options: Mapping[str, Any]) -> tuple[dict[str, Any], Sized]:
    """Options of its own, and those that the benchmark sees to."""
    ours = [name for name in Sized.model_fields if name not in entry.parameters]
    for name in options:
        if name not in entry.parameters and name not in ours:
            raise RegistryError(unknown(f"option of {entry.name}", name, [*entry.parameters, *ours]))
    own = {name: value for name, value in options.items() if name in entry.parameters}
    try:
        return own, Sized.model_validate({name: v for name, v in options.items() if name in ours})
    except ValidationError as error:
        raise UserError(sentences(error, f"options of {entry.name} (data)", Sized)) from None


def _all(entry: Entry, own: Mapping[str, Any]) -> dict[str, Any]:
    return {p.name: own.get(p.name, p.default) for p in entry.parameters.values()}


def _digest(entry: Entry, own: Mapping[str, Any], asked: Sized, digest: str) -> str:
    """Of its data as it says, and of its options too: nobody has to remember those."""
    parts = [digest, _all(entry, own), asked.meaning()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
