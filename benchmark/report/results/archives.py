"""Results as one file to hand on: raw rounds with selected ids, why others failed, versions, no weights."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmark.errors import UserError
from benchmark.records.faults import ERROR, kept_error
from benchmark.records.round_store import (
    CHANGES,
    PLAN,
    RESULTS,
    SUM,
    USEFULNESS,
    Round,
    digest_of,
    results_table,
    to_json,
    write_atomically,
)
from benchmark.untrusted_files import parsed_json

FORMAT, FORMAT_FILE = 1, "format.json"
HEAD = ("experiment.yaml", "environment.json", RESULTS)
#: A planned study's.
PLANNED = (PLAN, CHANGES)
ROUND = re.compile(
    rf"({USEFULNESS}/)?[^/]+/[^/]+/seed-\d+/round-\d+(\.json|\.scores\.npy|\.losses\.npy\.gz)", re.ASCII
)
#: Numbers of single images, in files beside their rounds.
OF_IMAGES = ("round-*.scores.npy", "round-*.losses.npy.gz")
#: Of what a trajectory that failed left, its last line: the others name the places of a machine.
REASON, REASON_BYTES = re.compile(r"[^/]+/[^/]+/seed-\d+/error\.txt", re.ASCII), 2000
REASON_SHOWN = 300  # characters of what a library says of hostile bytes, which it may repeat
#: What an archive may unpack to: a study of a thousand trajectories is a tenth of it.
LARGEST, MOST = 4 * 2**30, 500_000
#: How its files may be packed: the dictionary of an LZMA file can claim any memory.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Zip files carry dates; a fixed one gives the same bytes for the same results.
DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packed:
    """What went into an archive: its number of ``rounds``; ``left_out`` are files that look like results."""

    rounds: int
    left_out: tuple[str, ...]


def pack(folder: Path, out: Path, scores: bool = True) -> Packed:
    """Write the results of a folder to a zip file that ``mtal report`` reads.

    The same results give the same bytes. Without ``scores`` and losses of single images it is a tenth of the
    size, and says no longer why images were chosen, nor how far results are of these validation images. A
    file whose name is none of a run, such as a copy of a round, is left out; the table of results is that of
    the stored rounds, so that a run that has not ended may be packed too. Raises UserError for a folder that
    could not be reported on, and a file that is there.
    """
    files, left_out = _files(folder, scores)
    derived = {RESULTS} if any(map(_is_round, files)) else set()
    missing = [name for name in HEAD if name not in derived and not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} holds no {missing[0]}: give the folder of a run, as `mtal run` writes it.")
    if out.exists():
        raise UserError(f"{out} is there already: give the name of a new file.")
    _refuse_links(folder, files)
    _check_amount(str(folder), [file.stat().st_size for file in files])
    rounds = _readable(folder)
    table = {folder / RESULTS: results_table(rounds)} if rounds else {}
    named = dict.fromkeys((*files, *table))
    members = ((file, table[file] if file in table else _content(file, scores)) for file in named)
    write_atomically(out, _packed(folder, members))
    return Packed(sum(map(_is_round, files)), left_out)


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """A temporary folder with the results of an archive; nothing in it can choose where it is written.

    Raises UserError for what is no such archive, or one of a newer format.
    """
    if not archive.is_file():
        raise UserError(f"There is no file {archive}: give a zip file of `mtal export`.")
    with tempfile.TemporaryDirectory(prefix="mtal-") as temporary:
        try:
            with zipfile.ZipFile(archive) as content:
                _check_packing(archive, content)
                _check_format(archive, content)
                for member in _members(archive, content):
                    _extract(content, member, Path(temporary))
        except UserError:
            raise
        except Exception as error:  # zipfile raises anything on hostile bytes
            reason = " ".join(str(error).split())[:REASON_SHOWN] or type(error).__name__
            raise UserError(
                f"{archive} cannot be read as results packed by `mtal export`: {reason}."
            ) from error
        yield Path(temporary)


@contextmanager
def opened(sources: Sequence[Path]) -> Iterator[list[Path]]:
    """Folders of results; zip files are unpacked for as long as they are needed. Raises UserError."""
    with ExitStack() as stack:
        yield [stack.enter_context(unpacked(s)) if is_archive(s) else s for s in sources]


def is_archive(source: Path) -> bool:
    """Whether results are packed, by the name alone."""
    return source.suffix == ".zip"


def _refuse_links(folder: Path, files: list[Path]) -> None:
    """A link in results from elsewhere could put any file of this machine into what is shared."""
    for file in files:
        inside = [file, *file.parents[: len(file.relative_to(folder).parts) - 1]]
        if not file.is_file() or any(place.is_symlink() for place in inside):
            raise UserError(f"{file} is no plain file, or in a folder that is a link: not packed.")


def _files(folder: Path, scores: bool) -> tuple[list[Path], tuple[str, ...]]:
    """The files of a folder that an archive may hold, and the names of others in the places of results."""
    found = [folder / name for name in (*HEAD, *PLANNED) if (folder / name).exists()]
    kinds = ("round-*.json", *(OF_IMAGES if scores else ()), ERROR)
    places = ("*/*/seed-*", f"{USEFULNESS}/*/*/seed-*")
    found += [f for place in places for kind in kinds for f in sorted(folder.glob(f"{place}/{kind}"))]
    named = {file: file.relative_to(folder).as_posix() for file in found}
    left_out = tuple(name for name in named.values() if not _is_part(name))
    return [file for file, name in named.items() if _is_part(name)], left_out


def _readable(folder: Path) -> tuple[Round, ...]:
    """The rounds of a folder that a report can be made of. Raises UserError as the report would."""
    from benchmark.report.results.study import read_study

    return read_study(folder).rounds


def _packed(folder: Path, members: Iterable[tuple[Path, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(FORMAT_FILE), json.dumps({"format": FORMAT}))
        for file, content in members:
            archive.writestr(_entry(file.relative_to(folder).as_posix()), content)
    return stream.getvalue()


def _is_round(file: Path) -> bool:
    return file.suffix == ".json" and file.name.startswith("round-")


def _content(file: Path, scores: bool) -> bytes:
    if file.name != ERROR:
        content = file.read_bytes()
        return _without_scores(content) if _is_round(file) and not scores else content
    reason = (kept_error(file.parent) or "").encode()[: REASON_BYTES - 1]
    return reason.decode(errors="ignore").encode() + b"\n"


def _without_scores(record: bytes) -> bytes:
    """A stored round without what is of single images, most of its size; what is no round is left alone."""
    try:
        content = dict(parsed_json(record))
    except (ValueError, TypeError):
        return record
    content = {name: value for name, value in content.items() if name not in (SUM, "image_losses")}
    content |= {"scores": None}
    return to_json(content | {SUM: digest_of(content)})


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _check_packing(archive: Path, content: zipfile.ZipFile) -> None:
    if any(member.compress_type not in PACKED for member in content.infolist()):
        raise UserError(
            f"{archive} must be packed by the method deflate, as `mtal export` does: not unpacked."
        )


def _check_format(archive: Path, content: zipfile.ZipFile) -> None:
    try:
        with content.open(FORMAT_FILE) as stream:
            said = json.loads(stream.read(1000))
        number = said["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{archive} holds no readable {FORMAT_FILE}: pack results by `mtal export`."
        ) from error
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UserError(f"{archive} has format {number!r}, must be a whole number from 1 on.")
    if number > FORMAT:
        raise UserError(
            f"{archive} has format {number} and this version reads up to {FORMAT}: update mtal-benchmark."
        )


def _members(archive: Path, content: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What belongs to results; anything else is refused by name before a byte is written."""
    members = [member for member in content.infolist() if member.filename != FORMAT_FILE]
    for member in members:
        if not _expected(member):
            raise UserError(
                f"{archive} holds {member.filename!r:.200}, which is no part of results: not unpacked."
            )
    if len({member.filename for member in members}) < len(members):
        raise UserError(f"{archive} unpacks to one file twice: not unpacked.")
    _check_amount(str(archive), [member.file_size for member in members])
    return members


def _expected(member: zipfile.ZipInfo) -> bool:
    plain = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
    is_long = REASON.fullmatch(member.filename) is not None and member.file_size > REASON_BYTES
    return plain and not is_long and _is_part(member.filename)


def _is_part(name: str) -> bool:
    """Whether an archive may hold a file of this name within the folder of results: packed or read."""
    inside = ".." not in PurePosixPath(name).parts and "\\" not in name and not name.startswith("/")
    of_a_trajectory = ROUND.fullmatch(name) or REASON.fullmatch(name)
    return inside and name.isprintable() and (name in (*HEAD, *PLANNED) or of_a_trajectory is not None)


def _check_amount(origin: str, sizes: Sequence[int]) -> None:
    """Raise UserError for more files or bytes than an archive may hold: packed or read."""
    if len(sizes) > MOST or sum(sizes) > LARGEST:
        raise UserError(f"{origin} holds more than results can be: at most {MOST} files and {LARGEST} bytes.")


def _extract(content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with content.open(member) as packed, target.open("wb") as stream:
        shutil.copyfileobj(packed, stream)
