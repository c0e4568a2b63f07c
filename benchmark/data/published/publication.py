"""What the field's published archives have in common: where they lie, split lists, the files of every id."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.data.checks.check import evenly
from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.data.decoded.memory_cache import Memory, room
from benchmark.data.files.bad_file import BadFile, read_bytes
from benchmark.data.options import Ids
from benchmark.data.problems import Problems
from benchmark.data.roots import Root, inside, named_root
from benchmark.errors import UserError
from benchmark.progress import Progress
from benchmark.untrusted_files import read_text

SPLITS = ("train", "val")
BLOCK = 64  # files that a thread takes at once: to hand over a small one costs as much as to hash it
# Read whole, so bounded.
MOST_LIST = 2**20  # bytes of a list of ids: a hundred thousand of them
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Publication:
    """A data set as it was published: its usual folder names and numbers of images, and how to get it."""

    name: str
    title: str
    folders: tuple[str, ...]
    images: Mapping[str, int]
    how_to_get: str

    def find(self, data_root: Path | None, is_one: Callable[[Path], bool]) -> Root:
        """The folder itself or the one in it. Raises UserError where there is none, or several."""
        root = named_root(data_root)
        if root is None:
            raise UserError(f"{self.title} needs --data-root (or MTAL_DATA). {self.how_to_get}")
        if not root.is_folder:
            raise UserError(f"Data root {root} is no folder. {self.how_to_get}")
        # The folder itself may be named, or the one that all data sets lie in.
        if is_one(root.folder):
            return root
        within = inside(root, self.folders)
        if len(within) > 1:
            found = " and ".join(repr(str(each.folder)) for each in within)
            raise UserError(f"There are {found}: name one of them with --data-root.")
        if not within:
            raise UserError(f"There is no {self.title} in {root}. {self.how_to_get}")
        return within[0]

    def facts(self, found: Ids, used: Ids) -> dict[str, Any]:
        """How many images there are and are used, against the publication."""
        counts = {split: len(ids) for split, ids in found.items()}
        return {
            "images": {split: len(ids) for split, ids in used.items()},
            "found": counts,
            "published": dict(self.images),
            "complete": "yes" if counts == dict(self.images) else "no, a smaller copy",
        }

    def check_count(self, split: str, count: int, where: Path) -> None:
        """Raises UserError for an empty split, or one with more images than were published."""
        # Fewer are a subset; more are another data set, whose numbers nobody could compare.
        if not 0 < count <= self.images[split]:
            wrong = f"has {count} images of {split}" if count else f"has no image of {split}"
            raise UserError(
                f"{str(where)!r} {wrong}, and {self.title} has {self.images[split]} (fewer are accepted)."
            )


@dataclass(frozen=True)
class Entry:
    """One image and the files that its sample is made of, by what they hold."""

    id: str
    files: Mapping[str, Path]
    #: Files that were read to be hashed, shared by all entries: each is read once where memory has the room.
    kept: Memory[Path, bytes] = field(default_factory=lambda: Memory(0), compare=False, repr=False)

    def load(self, what: str, read: Callable[[bytes], T]) -> T:
        """What a file of it holds, for the last time. Raises UserError naming the file."""
        return load(self.files[what], read, self.kept.take(self.files[what]))

    def look(self, what: str, read: Callable[[bytes], T]) -> T:
        """The same, to be loaded later."""
        return load(self.files[what], read, self.kept.look(self.files[what]))


@dataclass(frozen=True)
class EntrySplit:
    """Samples decoded on demand."""

    entries: tuple[Entry, ...]
    decode: Callable[[Entry], Sample]

    @property
    def ids(self) -> tuple[str, ...]:
        """Sorted ids."""
        return tuple(entry.id for entry in self.entries)

    def __getitem__(self, position: int) -> Sample:
        """Decode one sample. Raises UserError naming the file that is bad."""
        return self.decode(self.entries[position])

    def forget(self) -> None:
        """Let go of files that were read and are not wanted."""
        for entry in self.entries[:1]:
            entry.kept.forget()


class Lister:
    """Names of the files in folders, each folder listed once: far faster than to ask for every file."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """File names; none for a folder that cannot be listed."""
        if folder not in self._names:
            try:
                # One call for a folder, where a network file system would be asked anew for every file.
                with os.scandir(folder) as found:
                    self._names[folder] = frozenset(entry.name for entry in found if entry.is_file())
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def has(self, path: Path) -> bool:
        """Whether there is this file."""
        return path.name in self.names(path.parent)


def listed(names: str) -> tuple[str, ...]:
    """Names out of a line of text, separated by commas."""
    return tuple(name.strip() for name in names.split(","))


def read_lists(folder: Path, publication: Publication) -> Ids:
    """The sorted ids of ``train.txt`` and ``val.txt``. Raises UserError."""
    ids = {split: _read_list(folder / f"{split}.txt") for split in SPLITS}
    for split, names in ids.items():
        publication.check_count(split, len(names), folder / f"{split}.txt")
    both = sorted(set(ids["train"]) & set(ids["val"]))
    if both:
        raise UserError(f"Id {both[0]!r} is in both lists of {str(folder)!r}; keep it in one.")
    return ids


def _read_list(path: Path) -> tuple[str, ...]:
    try:
        lines = read_text(path, MOST_LIST).splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"Split list {str(path)!r} cannot be read: {reason}.") from None
    ids = [line.strip() for line in lines if line.strip()]
    for name, count in Counter(ids).items():
        # Ids become file names: nothing that leaves the folder, and nothing that begins like an option.
        if not re.fullmatch(r"\w[\w-]{0,199}", name, re.ASCII):
            raise UserError(f"{str(path)!r} holds {name[:60]!r}; a line should be an id such as 0001.")
        if count > 1:
            raise UserError(f"Id {name!r} is {count} times in {str(path)!r}; once is right.")
    return tuple(sorted(ids))


def check_present(root: Path, entries: Mapping[str, tuple[Entry, ...]], lister: Lister) -> None:
    """Raises UserError that names missing files, the first ten of each kind."""
    problems = Problems()
    for split in SPLITS:
        for entry in entries[split]:
            for what, path in entry.files.items():
                if not lister.has(path):
                    problems.add(f"{what} missing", f"{str(path)!r} is missing (id {entry.id!r} of {split}).")
    refuse(root, problems)


def refuse(root: Path, problems: Problems) -> None:
    """Raises UserError if there are problems."""
    if problems:
        lines = "".join(f"\n  {line}" for line in problems.lines())
        raise UserError(f"The data in {str(root)!r} cannot be used ({len(problems)} found):{lines}")


def files_in_memory() -> Memory[Path, bytes]:
    """Room for the bytes of files between hashing and decoding."""
    return Memory(room(1 / 16))


def content_digest(
    root: Path, paths: Iterable[Path], meaning: Mapping[str, Any], kept: Memory[Path, bytes]
) -> str:
    """sha256 over all files, their places below the root and what they are taken for. Raises UserError.

    Puts the bytes of the files into ``kept``, as far as there is room.
    """
    # Sorted, so that the digest is of what is there and not of the order in which it was found.
    unique = sorted(set(paths))
    blocks = [unique[start : start + BLOCK] for start in range(0, len(unique), BLOCK)]
    found = in_threads(lambda block: [_file_digest(path, kept) for path in block], blocks)
    digests = [digest for block in found for digest in block]
    problems = Problems()
    for digest in digests:
        if isinstance(digest, BadFile):
            problems.add("unreadable", str(digest))
    refuse(root, problems)
    # Below the root: a data set that was moved is the same.
    places = [path.relative_to(root).as_posix() for path in unique]
    return hashlib.sha256(json.dumps([meaning, places, digests], sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path, kept: Memory[Path, bytes]) -> str | BadFile:
    try:
        # Kept for decoding where there is room, so that each file is read once.
        if kept.fits(size := path.stat().st_size):
            data = read_bytes(path)
            kept.keep(path, data, size)
            return hashlib.sha256(data).hexdigest()
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return BadFile("unreadable", f"{str(path)!r} cannot be read: {error.strerror or error}.")
    except BadFile as error:
        return BadFile(error.rule, f"{str(path)!r} {error}.")


def in_threads(work: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """``work`` done on every item, in order, with a bar on a terminal."""
    progress, pool = (
        Progress(),
        ThreadPoolExecutor(),
    )  # reading, hashing, decoding release the interpreter lock
    progress.begin(len(items))
    results = []
    try:
        for result in pool.map(work, items):
            results.append(result)
            progress.advance()
    finally:
        # After Ctrl-C nobody waits for files that are still to be hashed.
        pool.shutdown(cancel_futures=True)
        progress.end()
    return results


def load(path: Path, read: Callable[[bytes], T], data: bytes | None = None) -> T:
    """What a file holds; ``data`` are its bytes where they are known. Raises UserError naming it."""
    try:
        return read(read_bytes(path) if data is None else data)
    except BadFile as error:
        raise UserError(f"{str(path)!r} {error}.") from None


def axes_of(normals: NDArray[np.float32]) -> str:
    """Which way the z axis of stored normals points: visible surfaces face the viewer (H x W x 3)."""
    towards = np.count_nonzero(normals[..., 2] > 0) >= np.count_nonzero(normals[..., 2] < 0)
    return f"as stored; z points {'towards the viewer' if towards else 'into the scene'}"


def try_a_few(dataset: MultiTaskDataset) -> MultiTaskDataset:
    """The data set itself, after decoding some samples of each split. Raises UserError if that fails."""
    for split in (dataset.train, dataset.val):
        # First, middle and last: a wrong format is found now, and not hours into a run.
        for position in evenly(len(split.ids), 3):
            split[position]
    return dataset
