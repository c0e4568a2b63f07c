"""Where the files of a data set lie, and who said so: one rule for published data and for a user's own.

What is given (`--data-root`, or `data_root` of an experiment) is the only place. Without it, the places are
an absolute ``root`` of the YAML file, the variable MTAL_DATA, and a relative ``root`` beside the YAML file,
in this order. Each names the folder of the data set itself or the one that it lies in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.data.folder.config import FolderConfig

VARIABLE = "MTAL_DATA"
GIVEN = "--data-root or data_root"
Holds = Callable[[Path], bool]


@dataclass(frozen=True)
class Root:
    """A folder of data, and who named it."""

    folder: Path
    said_by: str

    def __str__(self) -> str:
        return f"{str(self.folder)!r:.300} ({self.said_by})"

    @property
    def is_folder(self) -> bool:
        """Whether it is there."""
        return is_folder(self.folder)


def is_folder(path: Path) -> bool:
    """Whether there is a folder; there is none of a name that no file system takes."""
    try:
        return path.is_dir()
    # Too long a name, a zero byte in it, or a folder above that may not be looked into.
    except (OSError, ValueError):
        return False


def named_root(data_root: Path | None) -> Root | None:
    """What is given, or else MTAL_DATA."""
    if data_root is not None:
        return Root(data_root, GIVEN)
    variable = os.environ.get(VARIABLE)
    return Root(Path(variable), VARIABLE) if variable else None


def inside(root: Root, names: Sequence[str], holds: Holds = is_folder) -> list[Root]:
    """Folders of these names in it that hold the data set."""
    folders = [root.folder / name for name in dict.fromkeys(names)]
    return [replace(root, folder=folder) for folder in folders if is_folder(folder) and holds(folder)]


def root_of_yaml(config: FolderConfig, yaml_path: Path, data_root: Path | None) -> Root:
    """The first place that holds the images which a YAML file describes.

    Where none does, it is the first that is a folder at all: what it lacks is named when it is read. Raises
    UserError where there is no folder.
    """
    places = _places(config, yaml_path, data_root)
    for root in places:
        if _holds(config, root.folder):
            return root
        names = [name for name in (Path(config.root).name, config.name) if name.strip(".")]
        if within := inside(root, names, partial(_holds, config)):
            return within[0]
    return _first_folder(places, yaml_path)


def _places(config: FolderConfig, yaml_path: Path, data_root: Path | None) -> list[Root]:
    """Where to look, in order."""
    own, named = Root(yaml_path.parent / config.root, f"root of {yaml_path.name}"), named_root(data_root)
    # What is given on the command line is the only place: to look elsewhere would hide a typing error.
    if named is None or data_root is not None:
        return [named or own]
    # Somebody who wrote an absolute path meant it; a relative one is often the default ".".
    return [own, named] if Path(config.root).is_absolute() else [named, own]


def _holds(config: FolderConfig, root: Path) -> bool:
    return any(is_folder(root / config.splits.fill(config.image.folder, split)) for split in ("train", "val"))


def _first_folder(places: Sequence[Root], yaml_path: Path) -> Root:
    for root in sorted(places, key=lambda root: root.said_by == VARIABLE):
        if root.is_folder:
            return root
    looked = f"Data root {places[0]} of {yaml_path.name} is no folder"
    if len(places) > 1:
        looked = f"Neither data root {' nor '.join(map(str, places))} is a folder"
    raise UserError(f"{looked}; correct root or give --data-root.")
