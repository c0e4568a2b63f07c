"""Results as one file to hand on: raw rounds with selected ids, why others failed, versions, no weights."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from benchmark.errors import UserError
from benchmark.execution.faults import ERROR, kept_error
from benchmark.store import without_scores, write_atomically

FORMAT, FORMAT_FILE = 1, "format.json"
HEAD = ("experiment.yaml", "environment.json", "results.csv")
ROUND = re.compile(r"[^/]+/[^/]+/seed-\d+/round-\d+\.json", re.ASCII)
#: Of what a trajectory that failed left, its last line: the others name the places of a machine.
REASON, REASON_BYTES = re.compile(r"[^/]+/[^/]+/seed-\d+/error\.txt", re.ASCII), 2000
REASON_SHOWN = 300  # characters of what a library says of hostile bytes, which it may repeat
#: What an archive may unpack to: a study of a thousand trajectories is a tenth of it.
LARGEST, MOST = 4 * 2**30, 500_000
#: How its files may be packed: the dictionary of an LZMA file can claim any memory.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Zip files carry dates; a fixed one gives the same bytes for the same results.
DATE = (1980, 1, 1, 0, 0, 0)


def pack(folder: Path, out: Path, scores: bool = True) -> int:
    """Write the results of a folder to a zip file; returns the number of rounds.

    The same results give the same bytes. Without ``scores`` of single images it is a tenth of the size, and
    says no longer why images were chosen. Raises UserError for a folder without results and a file that is
    there.
    """
    missing = [name for name in HEAD if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} holds no {missing[0]}: give the folder of a run, as `mtal run` writes it.")
    if out.exists():
        raise UserError(f"{out} is there already: give the name of a new file.")
    rounds = sorted(folder.glob("*/*/seed-*/round-*.json"))
    errors = sorted(folder.glob(f"*/*/seed-*/{ERROR}"))
    files = [*(folder / name for name in HEAD), *rounds, *errors]
    _refuse_links(folder, files)
    write_atomically(out, _packed(folder, files, scores))
    return len(rounds)


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


def _refuse_links(folder: Path, files: list[Path]) -> None:
    """A link in results from elsewhere could put any file of this machine into what is shared."""
    for file in files:
        inside = [file, *file.parents[: len(file.relative_to(folder).parts) - 1]]
        if not file.is_file() or any(place.is_symlink() for place in inside):
            raise UserError(f"{file} is no plain file, or in a folder that is a link: not packed.")


def _packed(folder: Path, files: list[Path], scores: bool) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(FORMAT_FILE), json.dumps({"format": FORMAT}))
        for file in files:
            archive.writestr(_entry(file.relative_to(folder).as_posix()), _content(file, scores))
    return stream.getvalue()


def _content(file: Path, scores: bool) -> bytes:
    if file.name != ERROR:
        content = file.read_bytes()
        return without_scores(content) if file.name.startswith("round-") and not scores else content
    reason = (kept_error(file.parent) or "").encode()[: REASON_BYTES - 1]
    return reason.decode(errors="ignore").encode() + b"\n"


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
    names = [member.filename for member in members]
    if len(set(names)) < len(names) or len(names) > MOST or sum(m.file_size for m in members) > LARGEST:
        raise UserError(f"{archive} unpacks to more than results can be, or to one file twice: not unpacked.")
    return members


def _expected(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    plain = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
    inside = ".." not in PurePosixPath(name).parts and "\\" not in name and not name.startswith("/")
    is_reason = REASON.fullmatch(name) is not None and member.file_size <= REASON_BYTES
    return plain and inside and (name in HEAD or is_reason or ROUND.fullmatch(name) is not None)


def _extract(content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with content.open(member) as packed, target.open("wb") as stream:
        shutil.copyfileobj(packed, stream)
