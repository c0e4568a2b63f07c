"""Fetch a data set into a folder: what is there stays, and half a copy never looks like a whole one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmark.data.fetching.hub import Listing, RemoteFile, download, listed
from benchmark.data.fetching.record import RECORD, Record, read_record, write_record
from benchmark.data.fetching.sources import Source
from benchmark.errors import BusyError, UserError
from benchmark.words import amount_of_bytes

PARTIAL = ".partial"  # an ending that no reader of data sets knows
LOCK = ".fetch.lock"
Say = Callable[[str], None]


def fetch(source: Source, folder: Path, revision: str | None, say: Say) -> Record:
    """Bring a data set into ``folder``; what a stopped command has left there is gone on with.

    Without a revision it is the commit that the folder was begun with, else the source's own. Files are named
    as they should be only once all of them are there and have the sha256 that the hub says. Raises UserError
    for a hub that does not answer, a folder that holds something else, a disk without the room.
    """
    from huggingface_hub import constants

    record = _record_of(source, folder)
    wanted = revision or (record.commit if record else source.revision)
    listing = listed(source, wanted)
    _check_commit(folder, record, listing, wanted)
    _check_strangers(source, folder, listing)
    digests = {file.path: file.sha256 for file in listing.files}
    begun = record or Record(source.repository, constants.ENDPOINT, wanted, listing.commit, digests)
    with _held(folder):
        _check_room(folder, listing)
        write_record(folder, replace(begun, complete=False))
        for number, file in enumerate(listing.files, 1):
            _bring(source, listing, file, folder, f"{number} of {len(listing.files)}", say)
        for file in listing.files:
            if (partial := _partial(folder, file)).exists():
                partial.rename(folder / file.path)
        write_record(folder, done := replace(begun, complete=True))
    return done


def _bring(source: Source, listing: Listing, file: RemoteFile, folder: Path, which: str, say: Say) -> None:
    """See that a file is in the folder whole, under its own name or its partial one. Raises UserError."""
    final, partial = folder / file.path, _partial(folder, file)
    size = f", {amount_of_bytes(file.size)}" if file.size is not None else ""
    if final.exists():
        if _is(file, final):
            return say(f"{file.path} ({which}{size}) is here")
        say(f"{file.path} is not as it was published: it is fetched anew")
        final.unlink()
    partial.parent.mkdir(exist_ok=True)
    if file.size is not None and _bytes(partial) > file.size:
        partial.unlink()
    there = f", goes on after {amount_of_bytes(_bytes(partial))}" if _bytes(partial) else ""
    say(f"{file.path} ({which}{size}{there})")
    download(source, listing.commit, file, partial)
    if not _is(file, partial):
        partial.unlink()
        raise UserError(f"{file.path} came damaged: its sha256 is not what the hub says; fetch it again.")
    return None


def _is(file: RemoteFile, path: Path) -> bool:
    """Whether a local file is this one, by its size and its sha256."""
    if file.size is not None and _bytes(path) != file.size:
        return False
    with path.open("rb") as stream:
        return file.sha256 in (None, hashlib.file_digest(stream, "sha256").hexdigest())


def _partial(folder: Path, file: RemoteFile) -> Path:
    return folder / f"{file.path}{PARTIAL}"


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _record_of(source: Source, folder: Path) -> Record | None:
    """Raises UserError for a file in the folder's place, and for another data set's folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is no folder; give a new or an empty one.")
    record = read_record(folder)
    if record and record.repository != source.repository:
        raise UserError(f"{str(folder)!r} holds {record.repository}; give a new or an empty folder.")
    return record


def _check_commit(folder: Path, record: Record | None, listing: Listing, wanted: str) -> None:
    if record and record.commit != listing.commit:
        raise UserError(
            f"{str(folder)!r} was fetched from commit {record.commit[:12]}, and {wanted!r} is "
            f"{listing.commit[:12]}: give another folder, or leave --revision out."
        )


def _check_strangers(source: Source, folder: Path, listing: Listing) -> None:
    """Raises UserError for anything that is no part of this commit: readers would take it for one."""
    paths = [Path(file.path) for file in listing.files]
    folders = {path.parent for path in paths} | {Path()}
    known = {*paths, *(Path(f"{path}{PARTIAL}") for path in paths), *folders, Path(RECORD)}
    for place in sorted(folders):
        for entry in sorted((folder / place).iterdir()) if (folder / place).is_dir() else []:
            if place / entry.name not in known and not entry.name.startswith("."):
                raise UserError(
                    f"{str(entry)!r} is no part of {source.repository} at {listing.commit[:12]}; give a new "
                    "or an empty folder."
                )


def _check_room(folder: Path, listing: Listing) -> None:
    here = (max(_bytes(folder / file.path), _bytes(_partial(folder, file))) for file in listing.files)
    sizes = (file.size or 0 for file in listing.files)
    needed = sum(max(0, size - there) for size, there in zip(sizes, here, strict=True))
    if (free := shutil.disk_usage(folder).free) < needed:
        raise UserError(
            f"{str(folder)!r} has {amount_of_bytes(free)} free, and {amount_of_bytes(needed)} are to come: "
            "make room, or give a folder on another disk."
        )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder: two processes that append to one file would spoil it. Raises BusyError."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=0, fallback_to_soft=False):
            yield
    except Timeout:
        raise BusyError(f"Another process fetches into {str(folder)!r}: wait for it.") from None
