"""Open a data set by name and options: what the catalogue refers to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from benchmark.data.dataset import MultiTaskDataset
from benchmark.errors import UserError
from benchmark.experiment.validation import sentences

M = TypeVar("M", bound=BaseModel)


def open_rooms_named(name: str, options: Mapping[str, Any], data_root: Path | None) -> MultiTaskDataset:
    """One of the built-in rooms; it is rendered, so a data root is not used."""
    from benchmark.data.rooms import RoomsConfig, open_rooms

    del data_root
    if "variant" in options:
        raise UserError(f"data.variant: the data set's name says it ({name}); leave the option out.")
    return open_rooms(_validated(RoomsConfig, name, {"variant": name, **options}))


def open_nyud_named(name: str, options: Mapping[str, Any], data_root: Path | None) -> MultiTaskDataset:
    """NYUD-v2 in whichever layout lies at the data root."""
    from benchmark.data.nyud import NyudOptions, open_nyud

    return open_nyud(_validated(NyudOptions, name, options), data_root)


def open_pascal_named(name: str, options: Mapping[str, Any], data_root: Path | None) -> MultiTaskDataset:
    """PASCAL-Context at the data root."""
    from benchmark.data.pascal import PascalOptions, open_pascal

    return open_pascal(_validated(PascalOptions, name, options), data_root)


def open_folder_named(name: str, options: Mapping[str, Any], data_root: Path | None) -> MultiTaskDataset:
    """A user's own data, described by the YAML file of this name."""
    from benchmark.data.folder.dataset import FolderOptions, open_folder

    return open_folder(Path(name), data_root, _validated(FolderOptions, name, options))


def _validated(model: type[M], name: str, options: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(options)
    except ValidationError as error:
        raise UserError(sentences(error, f"options of {name} (data)", model)) from None
