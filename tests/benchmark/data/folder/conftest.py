"""A small folder of images and labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from image_folders import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path).semseg()
