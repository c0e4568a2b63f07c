"""Bytes of a user's file, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from benchmark import untrusted_files as reading

MAX_BYTES = 2**31


class BadFile(Exception):  # noqa: N818 - it is the file that is bad
    """What is wrong with a file: the rest of a sentence that begins with its path."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises BadFile."""
    try:
        return reading.read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise BadFile("unreadable", f"cannot be read: {error.strerror or error}") from None
