"""How the files of an id are called: ``{id}``, what stands around it, and which endings are read."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

PLAIN = "{id}"


def normal(name: str) -> str:
    """One spelling of accented letters: file systems differ in it, and lists come from elsewhere."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class FileNames:
    """A pattern such as ``{id}_mask`` or ``{id}.depth.png``; one without ending takes all ``endings``."""

    pattern: str
    endings: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """The endings of files that are read."""
        return (self._ending.lower(),) if self._ending else self.endings

    def reads(self, path: Path) -> bool:
        """Whether a file is called so."""
        return path.suffix.lower() in self.read and self.id_of(path) is not None

    def id_of(self, path: Path) -> str | None:
        """The id that a file is named by, whatever its ending; None if its name is of another pattern."""
        stem, (before, after) = normal(path.stem), self._around
        fits = stem.startswith(before) and stem.endswith(after) and len(stem) > len(before) + len(after)
        return stem[len(before) : len(stem) - len(after)] if fits else None

    def is_closer(self, other: FileNames) -> bool:
        """Whether its pattern says more: ``a_mask.png`` is of ``{id}_mask.png``, and not of ``{id}.png``."""
        return len(self.pattern) > len(other.pattern)

    def example(self, image_id: str) -> str:
        """What the file of an id could be called."""
        before, after = self._around
        return f"{before}{image_id}{after}{self._ending or self.endings[0]}"

    @property
    def _ending(self) -> str:
        ending = Path(self.pattern).suffix
        return ending if ending.lower() in self.endings else ""

    @property
    def _around(self) -> tuple[str, str]:
        before, _, after = normal(self.pattern).partition(PLAIN)
        return before, after.removesuffix(self._ending)
