"""MATLAB 5 to 7 files, walked before they are read: SciPy's decoder trusts sizes and can crash on wrong ones.

Layout: MATLAB's "MAT-File Format" (5 to 7), chapter 1: elements of a tag (kind, bytes) and data, arrays
nested in cells and structures.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

HEADER, MATRIX, DEEPEST, MOST = 128, 14, 20, 100_000
FLAGS, DIMENSIONS, NAMES = 6, 5, 1  # kinds of the elements that describe an array
CELL, STRUCTURE, CHARACTERS, COMPLEX = 1, 2, 4, 0x0800
NUMBERS = range(6, 16)  # classes of plain arrays
#: Bytes of a number, by the kind in which it is stored.
SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
TEXT = {1, 2, 4, 16, 17, 18}
LONGEST_NAME = 64


def check_structure(data: bytes) -> None:
    """Raise ValueError, IndexError or struct.error unless all sizes of an uncompressed file agree."""
    order = "<" if data[HEADER - 2 : HEADER] == b"IM" else ">"
    walk, at = _Walk(data, order), HEADER
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind != MATRIX:
            raise ValueError("an element that is no array")
        walk.array(at + 8, walk.end(at + 8, size, len(data)), 0)
        at += 8 + size


@dataclass
class _Walk:
    data: bytes
    order: str
    arrays: int = 0

    def array(self, at: int, end: int, depth: int) -> None:
        """An array in ``data[at:end]``, and all that is in it; of no bytes, it is empty."""
        self.arrays += 1
        if depth > DEEPEST or self.arrays > MOST:
            raise ValueError("too many arrays, or too deep")
        if at == end:
            return
        (flags, *_), at = self._integers(at, end, FLAGS)
        dimensions, at = self._integers(at, end, DIMENSIONS)
        if len(dimensions) < 2 or min(dimensions) < 0:
            raise ValueError("dimensions that no array has")
        _, _, _, at = self._element(at, end)  # its name
        self._content(at, end, math.prod(dimensions), flags, depth)

    def end(self, at: int, size: int, limit: int) -> int:
        """Where these bytes end."""
        if at + size > limit:
            raise ValueError("more bytes than there are")
        return at + size

    def _content(self, at: int, end: int, count: int, flags: int, depth: int) -> None:
        kind = flags & 0xFF
        if kind == CELL:
            self._cells(at, end, count, depth)
        elif kind == STRUCTURE:
            self._structure(at, end, count, depth)
        elif kind == CHARACTERS:
            self._characters(at, end, count)
        elif kind in NUMBERS:
            self._numbers(at, end, count, parts=2 if flags & COMPLEX else 1)
        else:
            raise ValueError("an array of a kind that is not read here")

    def _numbers(self, at: int, end: int, count: int, parts: int) -> None:
        for _ in range(parts):
            kind, _, size, at = self._element(at, end)
            if SIZES[kind] * count != size:
                raise ValueError("fewer or more numbers than its dimensions say")

    def _characters(self, at: int, end: int, count: int) -> None:
        kind, _, size, _ = self._element(at, end)
        if kind not in TEXT or size > 4 * count:
            raise ValueError("a text that its dimensions do not hold")

    def _cells(self, at: int, end: int, count: int, depth: int) -> None:
        for _ in range(count):
            kind, start, size, at = self._element(at, end)
            if kind != MATRIX:
                raise ValueError("a cell that is no array")
            self.array(start, start + size, depth + 1)

    def _structure(self, at: int, end: int, count: int, depth: int) -> None:
        (length,), at = self._integers(at, end, DIMENSIONS)
        kind, _, size, at = self._element(at, end)
        if kind != NAMES or not 1 <= length <= LONGEST_NAME or size % length:
            raise ValueError("names of fields that do not fit")
        self._cells(at, end, count * (size // length), depth)

    def _integers(self, at: int, end: int, kind: int) -> tuple[tuple[int, ...], int]:
        found, start, size, after = self._element(at, end)
        if found != kind or size % 4:
            raise ValueError("whole numbers of another kind")
        numbers = f"{self.order}{size // 4}{'I' if kind == FLAGS else 'i'}"
        return struct.unpack_from(numbers, self.data, start), after

    def _element(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Kind, first byte and size of the data of an element, and where the next one begins."""
        self.end(at, 8, end)
        kind, size = struct.unpack_from(f"{self.order}II", self.data, at)
        if kind >> 16:  # up to four bytes beside the tag
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError("a small element that is none")
            return kind, at + 4, size, at + 8
        after = self.end(at + 8, size, end)
        return kind, at + 8, size, after if kind == MATRIX else min(after + -size % 8, end)
