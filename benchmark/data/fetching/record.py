"""What a folder was fetched from: the commit and its files, kept beside them as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmark.errors import UserError
from benchmark.records.round_store import to_json, write_atomically
from benchmark.untrusted_files import read_json

RECORD = "fetched.json"


@dataclass(frozen=True)
class Record:
    """From where, the revision as it was asked for, the commit that it was, and each file's sha256."""

    repository: str
    endpoint: str
    revision: str
    commit: str
    files: Mapping[str, str | None]
    complete: bool = False


def read_record(folder: Path) -> Record | None:
    """The record of a folder; None where nothing was fetched into it. Raises UserError for a broken one."""
    file = folder / RECORD
    if not file.is_file():
        return None
    try:
        return TypeAdapter(Record).validate_python(read_json(file))
    except (OSError, ValueError, ValidationError):
        raise UserError(f"{str(file)!r} is no record of what was fetched; remove it to fetch anew.") from None


def write_record(folder: Path, record: Record) -> None:
    """Put the record into the folder, whole or not at all."""
    write_atomically(folder / RECORD, to_json(asdict(record)))
