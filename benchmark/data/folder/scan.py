"""What is in the files of a user's folders: one pass that reads, hashes, decodes and checks each of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Sample
from benchmark.data.files.bad_file import BadFile, read_bytes
from benchmark.data.files.pictures import WHOLE, as_bytes, read_picture
from benchmark.data.folder.annotators import combined
from benchmark.data.folder.config import FolderConfig, TaskFolder
from benchmark.data.folder.label_files import read_label
from benchmark.data.problems import Problems
from benchmark.data.resizing import on_canvas, resized_image, resized_label
from benchmark.errors import UserError
from benchmark.plugins import TASKS
from benchmark.words import counted

#: Bits that cameras deliver in files of 16.
# Files hold 8 or 16 bits, and sensors measure what lies between.
CAMERA_BITS = (10, 12, 14)
#: What a task's annotators have drawn of one image: at least one label.
Labels = Mapping[str, Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Item:
    """One image and its label files by task, one for each annotator who has drawn it."""

    id: str
    image: Path
    labels: Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Scanned:
    """What one pass over the files of an item found.

    ``size`` is () where the image is unreadable; ``orientation`` is its EXIF orientation, 1 for upright;
    ``largest`` is the largest number of an image of 16 bits.
    """

    digest: bytes
    size: tuple[int, ...]
    wrong: tuple[BadFile, ...]
    orientation: int = 1
    largest: int | None = None


Scans = Mapping[str, Sequence[Scanned]]
Keep = Callable[[int, Sample], None]


@dataclass(frozen=True)
class FolderSplit:
    """Samples decoded on demand."""

    items: tuple[Item, ...]
    config: FolderConfig

    @property
    def ids(self) -> tuple[str, ...]:
        """Sorted ids."""
        return tuple(item.id for item in self.items)

    def __getitem__(self, position: int) -> Sample:
        """Decode one sample. Raises UserError for a file that has gone bad since it was checked."""
        scan = _Scan(self.items[position], self.config)
        if scan.wrong:
            raise UserError(str(scan.wrong[0]))
        return scan.sample()


def scan_all(items: Iterable[Item], config: FolderConfig, keep: Keep) -> list[Scanned]:
    """Look at all items; hands on the samples of those that are sound, by position."""
    with ThreadPoolExecutor() as pool:  # the decoders and hashes release the interpreter lock
        return list(pool.map(lambda pair: _scanned(pair[0], pair[1], config, keep), enumerate(items)))


def _scanned(position: int, item: Item, config: FolderConfig, keep: Keep) -> Scanned:
    scan = _Scan(item, config)
    if not scan.wrong:
        keep(position, scan.sample())
    return scan.found


class _Scan:
    """The files of one item, read and decoded; what is wrong with them is gathered and not raised."""

    def __init__(self, item: Item, config: FolderConfig) -> None:
        self._config, self._digest = config, hashlib.sha256(item.id.encode())
        self.wrong: list[BadFile] = []
        self._image: NDArray[np.uint8] | None = None
        self._size: tuple[int, ...] = ()
        self._orientation = 1
        self._largest: int | None = None
        self._try("", item.image, self._read_image)
        self._labels = {
            name: [label for path in paths if (label := self._label(config.tasks[name], path)) is not None]
            for name, paths in item.labels.items()
        }
        self._check_equal(item)

    @property
    def found(self) -> Scanned:
        """What is to be known of the item when its pixels are gone."""
        return Scanned(self._digest.digest(), self._size, tuple(self.wrong), self._orientation, self._largest)

    def sample(self) -> Sample:
        """Image and labels of the size that the configuration asks for, if nothing is wrong."""
        assert self._image is not None, "an image that cannot be read is wrong"
        labels = {
            name: combined(found, self._config.tasks[name].combining) for name, found in self._labels.items()
        }
        return _resized(Sample(self._image, labels), self._config)

    def _try(self, name: str, path: Path, read: Callable[[bytes], Any]) -> Any:
        try:
            data = read_bytes(path)
            # With the name of what it is: the same file as image and as label is other data.
            self._digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
            return read(data)
        except BadFile as error:
            self.wrong.append(BadFile(f"{name} {error.rule}", f"{str(path)!r} {error}."))
            return None

    def _read_image(self, data: bytes) -> None:
        picture = read_picture(data, self._config.image.exif)
        self._orientation, self._size = picture.orientation, picture.pixels.shape[:2]
        if picture.pixels.dtype == np.uint16:
            self._largest = int(picture.pixels.max())
        self._image = as_bytes(picture.pixels, self._config.image.bits or WHOLE)

    def _label(self, task: TaskFolder, path: Path) -> NDArray[Any] | None:
        label: NDArray[Any] | None = self._try(
            task.name, path, lambda data: self._read_label(data, task, path)
        )
        return label

    def _read_label(self, data: bytes, task: TaskFolder, path: Path) -> NDArray[Any]:
        label = read_label(data, path.suffix.lower(), task, self._config.image.exif)
        if self._size and label.shape[:2] not in (self._size, *self._config.label_sizes):
            raise BadFile("size", f"is {sized(label.shape)}, and its image is {sized(self._size)}")
        return label

    def _check_equal(self, item: Item) -> None:
        for name, labels in self._labels.items():
            if len({label.shape for label in labels}) > 1:
                places = " and ".join(repr(str(path)) for path in item.labels[name])
                self.wrong.append(BadFile(f"{name} sizes", f"{places} are not of one size."))


def _resized(sample: Sample, config: FolderConfig) -> Sample:
    size, rules = config.size, {name: task.shrinking for name, task in config.tasks.items()}
    if config.fit == "canvas" and size is not None:
        return on_canvas(sample, size, rules)
    labels = {name: resized_label(label, size, rules[name]) for name, label in sample.labels.items()}
    return Sample(resized_image(sample.image, size), labels)


def content_problems(items: Mapping[str, Sequence[Item]], scans: Scans, config: FolderConfig) -> Problems:
    """What is wrong with files, and with all of them together."""
    problems = Problems()
    pairs = [pair for split, found in scans.items() for pair in zip(items[split], found, strict=True)]
    for error in (error for _, scan in pairs for error in scan.wrong):
        problems.add(error.rule, str(error))
    _check_sizes(pairs, config, problems)
    if config.image.bits is None:
        _check_bits([scan.largest for _, scan in pairs if scan.largest is not None], problems)
    return problems


def _check_sizes(pairs: Sequence[tuple[Item, Scanned]], config: FolderConfig, problems: Problems) -> None:
    # Against the most frequent size: where the first image is the odd one, all others would be named.
    usual = Counter(scan.size for _, scan in pairs if scan.size).most_common(1)
    for item, scan in pairs if usual and config.size is None else ():
        if scan.size not in ((), usual[0][0]):
            problems.add(
                "sizes",
                f"{str(item.image)!r} is {sized(scan.size)}, and most images are {sized(usual[0][0])};"
                " give size [height, width] to make them equal (with fit: canvas undistorted).",
            )


def _check_bits(largest: Sequence[int], problems: Problems) -> None:
    """Cameras deliver fewer bits than 16 and write 16: nearly black, and no header says so."""
    bits = next((bits for bits in CAMERA_BITS if max(largest, default=2**WHOLE) < 2**bits), WHOLE)
    if bits < WHOLE:
        problems.add(
            "bits",
            f"No pixel of {counted(len(largest), 'image')} of 16 bits is over {max(largest)}, of 65535: "
            f"write image.bits: {bits} if that is what the camera delivers, or 16 if they are so dark.",
        )


def digest_of(config: FolderConfig, scans: Scans) -> str:
    """Not of the root: the same files elsewhere are the same data; nor of what is learnt of them.

    Groups count where something is said of them; columns, of which a study says what it reads, never.
    """
    left_out: Any = {
        "root": True,
        "columns": True,
        "tasks": {name: {"task", "options"} for name in config.tasks},
    }
    left_out |= {} if config.groups else {"groups": True}
    described = config.model_dump(exclude=left_out) | _meant_otherwise(config)
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for split, found in scans.items():
        digest.update(f"{split} {len(found)}".encode() + b"".join(scan.digest for scan in found))
    return digest.hexdigest()


def _meant_otherwise(config: FolderConfig) -> dict[str, Any]:
    """By task, what ``task`` makes of labels that the task's own name would not, if anything.

    Left out where nothing differs: such data keep the digests that they had. A task of one's own has a digest
    of its code beside every round.
    """
    found = {name: _read_otherwise(task) for name, task in config.tasks.items() if _is_built_in(task.task)}
    differing = {name: rules for name, rules in found.items() if rules}
    return {"meant": differing} if differing else {}


def _is_built_in(name: str | None) -> bool:
    entry = TASKS.entries.get(name or "")
    return entry is not None and entry.built_in


def _read_otherwise(task: TaskFolder) -> dict[str, Any]:
    plain = task.model_copy(update={"task": None})
    pairs = {rule: (getattr(task, rule), getattr(plain, rule)) for rule in ("shrinking", "unmeasured")}
    return {rule: meant for rule, (meant, by_name) in pairs.items() if meant != by_name}


def sized(shape: Sequence[int]) -> str:
    """Height and width in words."""
    return f"{shape[0]} high, {shape[1]} wide"
