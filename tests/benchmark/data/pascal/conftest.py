"""A small copy of PASCAL-Context, with a cache of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pascal_copies import (
    write,
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return write(tmp_path / "PASCAL_MT")
