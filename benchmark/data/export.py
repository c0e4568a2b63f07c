"""Write any data set in a layout that the field knows, or as folders with the YAML that describes them."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.dataset import MultiTaskDataset, Sample, Split
from benchmark.data.folder.config import FIELD_KINDS, TaskFolder
from benchmark.errors import UserError
from benchmark.plugins import TASKS
from benchmark.tasks import is_by_name
from benchmark.tasks.task import IGNORE, Task
from strategies.registration import loaded_files

Encode = Callable[[NDArray[Any]], bytes]
SPLITS = ("train", "val")
#: What begins a MATLAB file of version 5. SciPy's holds the time of day: equal data would give other bytes.
MAT_HEADER = b"MATLAB 5.0 MAT-file".ljust(116)


@dataclass(frozen=True)
class Target:
    """Where the files of one thing go (``{split}`` is replaced), and how they are written."""

    folder: str
    ending: str
    encode: Encode


@dataclass(frozen=True)
class Layout:
    """What goes where. ``classes`` is how many classes semseg can hold; ``numbered`` names files by position
    in their split; ``lists`` is the folder of the split lists, if there are any.
    """

    targets: Mapping[str, Target]
    classes: int = IGNORE
    numbered: bool = False
    lists: str | None = None


def export(dataset: MultiTaskDataset, layout: str, folder: Path) -> list[str]:
    """Write both splits into a new folder; returns the names of the tasks that the layout has no place for.

    The folder appears whole or not at all. Images and labels read back equal (normals within 1e-7), but for
    images in ``nyud-a`` and ``nyud-b``, which are JPEG files; normals in ``nyud-c``, which are bytes (within
    0.5 degrees), and in ``nyud-a``, which are bytes in JPEG files (within 3 degrees); edges in ``nyud-d``,
    which has none, and ignored ones in ``nyud-a`` and ``nyud-c``, which are none there; depths of 0, which
    mean in all of these that nothing was measured. The YAML file of folders names the same tasks, with their
    weights and options; groups and columns are not written. Equal data sets give equal files.

    Raises UserError for an unknown layout, a folder that is there, classes that the layout cannot hold, and
    ids that would be one file's name.
    """
    chosen = _layout(layout, dataset)
    names = _names(dataset, chosen)
    # Never into a folder that is there: what is mixed with old files reads as one data set.
    if folder.exists():
        raise UserError(f"{folder} is there already: give the name of a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, on the same file system, where moving is renaming: the folder appears whole or not at all.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        root = Path(temporary) / folder.name
        with_zero = set[str]().union(
            *(_write_split(getattr(dataset, split), split, names[split], chosen, root) for split in SPLITS)
        )
        if layout == "folder":
            (root / "dataset.yaml").write_text(_description(dataset, with_zero), encoding="utf-8")
        shutil.move(root, folder)
    return [task.name for task in dataset.tasks if task.name not in chosen.targets]


def _layout(name: str, dataset: MultiTaskDataset) -> Layout:
    if name == "folder":
        return Layout(
            {"image": Target("{split}/image", ".png", _png)} | dict(map(_folder_target, dataset.tasks))
        )
    if name not in NYUD:
        raise UserError(f"There is no layout {name!r} to write; there is: {', '.join(LAYOUTS)}.")
    classes, held = _classes(dataset), NYUD[name].classes
    if classes > held:
        large = ", ".join(["folder", *(other for other in NYUD if NYUD[other].classes >= classes)])
        raise UserError(
            f"Layout {name} holds {held} classes, and {dataset.name} has {classes}; they fit into: {large}."
        )
    return NYUD[name]


def _classes(dataset: MultiTaskDataset) -> int:
    return max([task.channels for task in dataset.tasks if task.name == "semseg"], default=0)


def _names(dataset: MultiTaskDataset, layout: Layout) -> dict[str, list[str]]:
    """What the files of every image are called, by split. Raises UserError for two of one name."""
    ids = {split: getattr(dataset, split).ids for split in SPLITS}
    # Some data sets have ids such as train/0000; a slash would make a folder.
    names = {
        split: [str(n) if layout.numbered else each.replace("/", "-") for n, each in enumerate(ids[split])]
        for split in SPLITS
    }
    apart = all("{split}" in target.folder for target in layout.targets.values())
    for together in [[split] for split in SPLITS] if apart else [SPLITS]:
        _refuse_one_name([pair for split in together for pair in zip(names[split], ids[split], strict=True)])
    return names


def _refuse_one_name(pairs: Sequence[tuple[str, str]]) -> None:
    """Of names and ids; the later image would take the place of the earlier one's files."""
    known: dict[str, str] = {}
    for name, image in pairs:
        if name in known:
            raise UserError(
                f"Images {known[name]!r} and {image!r} would both be written as {name!r}: rename one of them."
            )
        known[name] = image


def _write_split(split: Split, name: str, files: Sequence[str], layout: Layout, root: Path) -> set[str]:
    """Write it; returns the tasks of which some label holds a 0 that is a number."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        places = range(len(files))
        found = list(threads.map(lambda n: _write_sample(split[n], files[n], name, layout, root), places))
    if layout.lists:
        (root / layout.lists).mkdir(exist_ok=True)
        (root / layout.lists / f"{name}.txt").write_text(
            "".join(f"{each}\n" for each in files), encoding="utf-8"
        )
    return set[str]().union(*found)


def _write_sample(sample: Sample, name: str, split: str, layout: Layout, root: Path) -> set[str]:
    for thing, values in _things(sample):
        if thing in layout.targets:
            target = layout.targets[thing]
            file = root / target.folder.format(split=split) / f"{name}{target.ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(target.encode(values))
    return {task for task, label in sample.labels.items() if (label == 0).any()}


def _things(sample: Sample) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "image", sample.image
    yield from sample.labels.items()


def _image(values: NDArray[Any], kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def _npy(values: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    # An array of objects would be pickled, and read back by nobody who is careful.
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def _mat(values: NDArray[Any], key: str) -> bytes:
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, {key: values}, do_compression=True)
    return MAT_HEADER + stream.getvalue()[len(MAT_HEADER) :]


_png: Encode = partial(_image, kind="PNG")
_jpg: Encode = partial(_image, kind="JPEG", quality=98, subsampling=0)
# Normals are written as colours: what JPEG loses turns them.
_finest_jpg: Encode = partial(_image, kind="JPEG", quality=100, subsampling=0)


def _from_one(classes: NDArray[Any]) -> NDArray[np.uint8]:
    """Classes as 1 .. C, and 0 where ignored."""
    # So do the published files, where 0 is unlabelled.
    return np.where(classes == IGNORE, 0, classes + 1).astype(np.uint8)


def _from_zero(classes: NDArray[Any]) -> NDArray[np.int64]:
    """Classes as they are, and -1 where ignored."""
    return np.where(classes == IGNORE, -1, classes.astype(np.int64))


def _metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Metres, and 0 where not measured."""
    return np.where(np.isnan(depth), 0, depth).astype(np.float32)


def _colours(normals: NDArray[Any]) -> NDArray[np.uint8]:
    """Components as 2x/255 - 1; the zero vector is grey."""
    return np.rint((normals + 1) * 127.5).astype(np.uint8)


def _white(edge: NDArray[Any]) -> NDArray[np.uint8]:
    """Edges as 255, all else as 0."""
    return np.where(edge == 1, 255, 0).astype(np.uint8)


_A = {
    "image": Target("images", ".jpg", _jpg),
    "semseg": Target("segmentation", ".mat", lambda classes: _mat(_from_one(classes), "segmentation")),
    "depth": Target("depth", ".mat", lambda depth: _mat(_metres(depth), "depth")),
    "normals": Target("normals", ".jpg", lambda normals: _finest_jpg(_colours(normals))),
    "edge": Target("edge", ".png", lambda edge: _png(_white(edge))),
}
_B = {
    **_A,
    "semseg": Target("segmentation", ".png", lambda classes: _png(_from_one(classes))),
    "depth": Target("depth", ".npy", lambda depth: _npy(_metres(depth))),
    "normals": Target("normals", ".npy", _npy),
    "edge": Target("edge", ".npy", _npy),
}
_C = {
    **_B,
    "image": Target("images", ".png", _png),
    "normals": Target("normals", ".png", lambda normals: _png(_colours(normals))),
    "edge": _A["edge"],
}
_D = {
    "image": Target("{split}/image", ".npy", lambda image: _npy((image / 255).astype(np.float32))),
    "semseg": Target("{split}/label", ".npy", lambda classes: _npy(_from_zero(classes))),
    "depth": Target("{split}/depth", ".npy", lambda depth: _npy(_metres(depth[..., None]))),
    "normals": Target("{split}/normal", ".npy", _npy),
}
NYUD: Mapping[str, Layout] = {
    "nyud-a": Layout(_A, classes=40, lists="gt_sets"),
    "nyud-b": Layout(_B, classes=40, lists="gt_sets"),
    "nyud-c": Layout(_C, classes=40, lists="gt_sets"),
    "nyud-d": Layout(_D, classes=13, numbered=True),
}
LAYOUTS = ("folder", *NYUD)


def _folder_target(task: Task) -> tuple[str, Target]:
    by_kind: Mapping[str, tuple[str, Encode]] = {
        "categorical": (".png", _png),
        "binary": (".png", _png),
        "scalar": (".npy", _npy),
        "direction": (".npy", _npy),
    }
    return task.name, Target(f"{{split}}/{task.name}", *by_kind[task.kind])


def _description(dataset: MultiTaskDataset, with_zero: Container[str]) -> str:
    tasks = {task.name: _task_description(task, task.name in with_zero) for task in dataset.tasks}
    described = {"name": dataset.name, "image": {"folder": "{split}/image"}, "tasks": tasks}
    text: str = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
    return text


def _task_description(task: Task, with_zero: bool) -> dict[str, Any]:
    """All that makes the same task again; defaults are said too, for another version's may differ."""
    described = {"folder": f"{{split}}/{task.name}", "kind": task.kind, "partial": True}
    described |= {"weight": task.weight, "options": task.options.model_dump(mode="json")}
    registered = _registered(task)
    described |= {"task": registered} if registered else {}
    described |= {"classes": list(task.classes)} if task.kind == "categorical" else {}
    described |= {"ignore": IGNORE} if task.kind in FIELD_KINDS["ignore"] else {}
    lost = with_zero and task.kind == "scalar" and _unmeasured_by_default(task, registered)
    # What is not measured is NaN in these files, so that no number has to mean it.
    return described | ({"invalid": []} if lost else {})


def _unmeasured_by_default(task: Task, registered: str | None) -> bool:
    """Whether readers of folders take a 0 of it for no measurement, unless they are told."""
    read_as = TaskFolder.model_construct(name=task.name, task=registered, folder="")
    return 0.0 in read_as.unmeasured


def _registered(task: Task) -> str | None:
    """NAME or FILE.py:NAME of the registered task that it is, where its own name and kind do not say so."""
    own = is_by_name(task)
    alike = (each for each in TASKS.everything().values() if each.thing is type(task))
    entry = TASKS.find(task.name) if own else next(alike, None)
    if entry is None:
        return None
    file = next((file for file in loaded_files(TASKS) if file in entry.files), None)
    return f"{file}:{entry.name}" if file else None if own else entry.name
