"""One answer to whether a study can say anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One answer in words; a ``warning`` says why the study may mean little."""

    name: str
    text: str
    warning: bool = False
