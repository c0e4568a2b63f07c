"""What there is, by name: data sets and presets. Nothing heavy is imported before it is used."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.plugins import DATASETS, Entry, imported, plain_name
from benchmark.untrusted_files import read_fields
from strategies.registration import file_and_name

if TYPE_CHECKING:
    from benchmark.data.dataset import MultiTaskDataset

PRESETS = Path(__file__).parent / "presets"


#: Of a YAML file that describes a user's own images, and of data sets of one's own that name no other.
OWN_FAMILY = "folder"
OWN_FOLDER = "your own images, described by a YAML file"


def known_dataset(name: str) -> str:
    """The name itself, if it is a registered data set, FILE.py:NAME, or a YAML file that exists.

    Raises ValueError. A Python file is executed.
    """
    if _is_yaml(name):
        if not Path(name).is_file():
            raise ValueError(f"there is no file {name}")
        return name
    if DATASETS.find(name) is None:
        there = DATASETS.everything()
        close = difflib.get_close_matches(name, there, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(
            f"there is no data set {name!r}{hint}; give one of {', '.join(there)}, "
            "the path of a YAML file that describes your own, or FILE.py:NAME"
        )
    return name


def names_python(dataset: str) -> bool:
    """Whether to open this data set is to execute a file by its path."""
    return not _is_yaml(dataset) and file_and_name(dataset)[0] is not None


def executes_files(dataset: str) -> bool:
    """Whether opening a data set executes a file by its path: one that holds it, or its tasks.

    Raises UserError for a YAML file that cannot be read.
    """
    if not _is_yaml(dataset):
        return names_python(dataset)
    tasks = _described(dataset).get("tasks")
    each = tasks.values() if isinstance(tasks, dict) else []
    return any(isinstance(task, dict) and file_and_name(str(task.get("task")))[0] for task in each)


def name_in_results(dataset: str) -> str | None:
    """What results call a data set; None for the YAML file of one's own that is not here."""
    if not _is_yaml(dataset):
        return plain_name(dataset)
    name = _described(dataset).get("name")
    return None if name is None else str(name)


def _described(file: str) -> dict[str, Any]:
    """What a YAML file says of a data set; nothing where it is not here."""
    return read_fields(Path(file)) if Path(file).is_file() else {}


def open_dataset(name: str, options: Mapping[str, Any], data_root: Path | None = None) -> MultiTaskDataset:
    """Open a data set and validate it. Raises UserError for unknown names, options and broken files."""
    entry = _known_entry(name)
    # Named, for data sets import the models of this folder.
    of_folder = "benchmark.data.open_dataset:open_folder_named"
    opener = imported("benchmark.data.custom.dataset:open_registered" if entry else of_folder)
    dataset: MultiTaskDataset = opener(entry or name, options, data_root)
    return dataset


def default_seed(dataset: str) -> int | None:
    """The seed by which a data set renders its images where none is given; None where no seed does.

    Raises UserError for unknown names.
    """
    fields = getattr(getattr(_known_entry(dataset), "options_model", None), "model_fields", {})
    seed = fields["seed"].default if "seed" in fields else None
    return seed if isinstance(seed, int) else None


def family_of(dataset: str) -> str:
    """Whose presets a data set uses where it has none of its own."""
    return owners_of(dataset)[-1]


def preset_file(dataset: str, preset: str) -> Path:
    """The YAML file of a preset for this data set: its own, or that of its family.

    Raises UserError with what there is.
    """
    owners, there = owners_of(dataset), presets()
    for owner in owners:
        if f"{owner}-{preset}" in there:
            return PRESETS / f"{owner}-{preset}.yaml"
    sizes = ", ".join(sizes_of(*owners))
    raise UserError(f"There is no preset {preset!r} for {dataset}; there is: {sizes or 'none'}.")


def owners_of(dataset: str) -> tuple[str, ...]:
    """Whose presets a data set uses: its own first, then those of its family."""
    entry = _known_entry(dataset)
    family = (entry and entry.family) or OWN_FAMILY
    return (entry.name, family) if entry and entry.name != family else (family,)


def sizes_of(*owners: str) -> list[str]:
    """Sizes of presets that these have, in order."""
    split = (preset.rpartition("-") for preset in presets())
    return sorted({size for owner, _, size in split if owner in owners})


def presets() -> list[str]:
    """All presets, ``OWNER-SIZE``: the owner is a family of data sets or one data set; a size has no dash."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def _known_entry(name: str) -> Entry | None:
    """The entry of a registered data set; None for a YAML file. Raises UserError for what is neither."""
    try:
        return None if _is_yaml(known_dataset(name)) else DATASETS.resolve(name)
    except ValueError as error:
        raise UserError(f"dataset: {str(error).rstrip('.')}.") from None


def _is_yaml(name: str) -> bool:
    return Path(name).suffix.lower() in (".yaml", ".yml")
