"""What there is, by name: data sets, networks, presets. Nothing heavy is imported before it is used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.data.dataset import MultiTaskDataset

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set by name: what it is, whose presets it uses, and ``module:function`` that opens it."""

    summary: str
    family: str
    opener: str


@dataclass(frozen=True)
class NetworkEntry:
    """A network by name: what it is, ``module:class``, and the options that it takes."""

    summary: str
    maker: str
    options: tuple[str, ...] = ()


_ROOMS = "benchmark.data.opening:open_rooms_named"
DATASETS: Mapping[str, DatasetEntry] = {
    "rooms": DatasetEntry("built in: rendered rooms, mixed scenes", "rooms", _ROOMS),
    "rooms-longtail": DatasetEntry("built in: rare classes and clutter in few scenes", "rooms", _ROOMS),
    "rooms-video": DatasetEntry("built in: walks of near-identical frames", "rooms", _ROOMS),
    "nyud": DatasetEntry(
        "NYUD-v2, 795 + 654 images, any of its four layouts; needs --data-root",
        "nyud",
        "benchmark.data.opening:open_nyud_named",
    ),
    "pascal": DatasetEntry(
        "PASCAL-Context with human parts, 4,998 + 5,105 images; needs --data-root",
        "pascal",
        "benchmark.data.opening:open_pascal_named",
    ),
}
FOLDER = DatasetEntry(
    "your own images, described by a YAML file", "folder", "benchmark.data.opening:open_folder_named"
)
NETWORKS: Mapping[str, NetworkEntry] = {
    "pad_net": NetworkEntry(
        "PAD-Net, Xu et al., CVPR 2018", "benchmark.networks.pad_net:PadNet", ("width", "blocks")
    ),
    "mti_net": NetworkEntry(
        "MTI-Net, Vandenhende et al., ECCV 2020", "benchmark.networks.mti_net:MtiNet", ("width",)
    ),
    "multi_task": NetworkEntry(
        "reference of one stage: a shared backbone, a head per task",
        "benchmark.networks.one_stage:MultiTask",
        ("width",),
    ),
    "single_task": NetworkEntry(
        "reference of one stage: a backbone and a head per task",
        "benchmark.networks.one_stage:SingleTask",
        ("width",),
    ),
}


def known_dataset(name: str) -> str:
    """The name itself, if it is a built-in data set or a YAML file that exists. Raises ValueError."""
    if name in DATASETS or (_is_yaml(name) and Path(name).is_file()):
        return name
    if _is_yaml(name):
        raise ValueError(f"there is no file {name}")
    close = difflib.get_close_matches(name, DATASETS, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(
        f"there is no data set {name!r}{hint}; give one of {', '.join(DATASETS)}, "
        "or the path of a YAML file that describes your own"
    )


def dataset_entry(name: str) -> DatasetEntry:
    """The entry of a known data set."""
    return DATASETS.get(name, FOLDER)


def open_dataset(name: str, options: Mapping[str, Any], data_root: Path | None = None) -> MultiTaskDataset:
    """Open a data set and validate it. Raises UserError for unknown names, options and broken files."""
    opener = imported(_known_entry(name).opener)
    dataset: MultiTaskDataset = opener(name, options, data_root)
    return dataset


def preset_file(dataset: str, preset: str) -> Path:
    """The YAML file of a preset for this data set. Raises UserError with what there is."""
    family = _known_entry(dataset).family
    file = PRESETS / f"{family}-{preset}.yaml"
    if file.is_file():
        return file
    sizes = sorted(path.stem.removeprefix(f"{family}-") for path in PRESETS.glob(f"{family}-*.yaml"))
    raise UserError(f"There is no preset {preset!r} for {dataset}; there is: {', '.join(sizes) or 'none'}.")


def presets() -> list[str]:
    """All presets, ``FAMILY-SIZE``."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def imported(reference: str) -> Any:
    """What ``module:name`` refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _known_entry(name: str) -> DatasetEntry:
    try:
        return dataset_entry(known_dataset(name))
    except ValueError as error:
        raise UserError(f"dataset: {error}.") from None


def _is_yaml(name: str) -> bool:
    return Path(name).suffix.lower() in (".yaml", ".yml")
