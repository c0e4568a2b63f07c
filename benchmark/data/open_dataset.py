"""Open a data set by name and options: what the catalogue and the registry of data sets refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from benchmark.data.dataset import MultiTaskDataset
from benchmark.errors import UserError
from benchmark.experiment.validation import sentences
from benchmark.plugins import imported

if TYPE_CHECKING:
    from benchmark.data.rooms import RoomsConfig

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class BuiltIn:
    """A data set of the benchmark: its options and what opens it (``module:name``), imported when wanted."""

    name: str
    model: str
    opener: str
    #: Options that its name says.
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options_model(self) -> type[BaseModel]:
        """The model of its options."""
        model: type[BaseModel] = imported(self.model)
        return model

    def __call__(self, folder: Path | None, /, **options: Any) -> MultiTaskDataset:
        """The data set opened. Raises UserError for options that it does not take and for broken files."""
        for name in self.fixed.keys() & options.keys():
            raise UserError(f"data.{name}: the data set's name says it ({self.name}); leave the option out.")
        config = _validated(self.options_model, self.name, {**self.fixed, **options})
        dataset: MultiTaskDataset = imported(self.opener)(config, folder)
        return dataset


def _rooms(name: str) -> BuiltIn:
    config, opener = "benchmark.data.rooms:RoomsConfig", "benchmark.data.open_dataset:rendered_rooms"
    return BuiltIn(name, config, opener, {"variant": name})


def rendered_rooms(config: RoomsConfig, folder: Path | None) -> MultiTaskDataset:
    """One of the built-in rooms; it is rendered, so a folder of data is not used."""
    from benchmark.data.rooms import open_rooms

    del folder
    return open_rooms(config)


ROOMS, ROOMS_LONGTAIL, ROOMS_VIDEO = map(_rooms, ("rooms", "rooms-longtail", "rooms-video"))
NYUD = BuiltIn("nyud", "benchmark.data.nyud:NyudOptions", "benchmark.data.nyud:open_nyud")
PASCAL = BuiltIn("pascal", "benchmark.data.pascal:PascalOptions", "benchmark.data.pascal:open_pascal")


def open_folder_named(name: str, options: Mapping[str, Any], data_root: Path | None) -> MultiTaskDataset:
    """A user's own data, described by the YAML file of this name."""
    from benchmark.data.folder.dataset import FolderOptions, open_folder

    return open_folder(Path(name), data_root, _validated(FolderOptions, name, options))


def _validated(model: type[M], name: str, options: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(options)
    except ValidationError as error:
        raise UserError(sentences(error, f"options of {name} (data)", model)) from None
