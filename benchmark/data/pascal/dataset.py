"""Open PASCAL-Context (Mottaghi et al., CVPR 2014) for the five tasks of Maninis et al., CVPR 2019."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.cache_folder import cache_folder
from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.data.decoded.memory_cache import Memory, Remembered
from benchmark.data.files.pictures import read_image
from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import read_label
from benchmark.data.options import Ids, Shrinking
from benchmark.data.pascal.annotations import read_label_map, read_parts
from benchmark.data.pascal.edges import VERSION, EdgeCache
from benchmark.data.published.binary_codings import told_by_files
from benchmark.data.published.missing_ids import check_ids
from benchmark.data.published.publication import (
    SPLITS,
    Entry,
    EntrySplit,
    Lister,
    Publication,
    axes_of,
    check_present,
    content_digest,
    files_in_memory,
    in_threads,
    listed,
    read_lists,
    try_a_few,
)
from benchmark.data.resizing import on_canvas, resized_label
from benchmark.progress import Progress

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

TASKS = ("semseg", "human_parts", "saliency", "normals", "edge")
CLASSES = listed(
    "background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, "
    "motorbike, person, pottedplant, sheep, sofa, train, tvmonitor"
)
LAYOUT = "PASCAL_MT of ASTMT, PASCALContext of InvPT (one layout)"
MANY = 200  # edge maps: so many take seconds
PASCAL = Publication(
    name="pascal",
    title="PASCAL-Context",
    folders=("PASCAL_MT", "PASCALContext"),
    images={"train": 4998, "val": 5105},
    how_to_get=(
        "Get PASCAL_MT.tgz, which ASTMT and Multi-Task-Learning-PyTorch link to, or the PASCALContext "
        "archive of InvPT; hosts move: the name is what to search for. Unpack it so that X/PASCAL_MT holds "
        "JPEGImages/, ImageSets/Context/{train,val}.txt, pascal-context/trainval/, semseg/, human_parts/, "
        "normals_distill/ and sal_distill/, and check it: mtal data check pascal --data-root X"
    ),
)
Entries = Mapping[str, tuple[Entry, ...]]
_MARKS = ("ImageSets", "JPEGImages")  # one of these folders, and it is a copy
_FILES = {
    "image": "JPEGImages/{id}.jpg",
    "label_map": "pascal-context/trainval/{id}.mat",
    "human_parts": "human_parts/{id}.mat",
    "normals": "normals_distill/{id}.png",
    "saliency": "sal_distill/{id}.png",
}
_SEMSEG = ("semseg/VOC12/{id}.png", "semseg/pascal-context/{id}.png")  # the first that is there


class PascalOptions(Shrinking):
    """Which images, and the height and width of the canvas that they are put on: 512 x 512 by default."""

    @property
    def target(self) -> tuple[int, int]:
        """Height and width."""
        return super().target or (512, 512)


def open_pascal(options: PascalOptions, data_root: Path | None) -> MultiTaskDataset:
    """Open the copy at ``data_root``, or in a folder of its usual name there.

    Edge maps are computed once and kept in the user's cache folder. Raises UserError, naming files, for none
    or several copies, missing and unreadable files.
    """
    origin = PASCAL.find(data_root, lambda folder: any((folder / name).is_dir() for name in _MARKS))
    root = origin.folder
    ids = read_lists(root / "ImageSets" / "Context", PASCAL)
    used = options.of(ids)
    kept = files_in_memory()
    entries = _entries(root, used, kept)
    files = [path for split in SPLITS for entry in entries[split] for path in entry.files.values()]
    meaning = {"data": PASCAL.name, "edges": VERSION, "options": options.meaning(), "ids": used}
    digest = content_digest(root, files, meaning, kept)
    told = told_by_files(
        "saliency", [e.files["saliency"] for split in SPLITS for e in entries[split]], digest
    )
    readers = _readers(told.fields)
    decode = partial(_decoded, options=options, cache=_edge_cache(entries), readers=readers)
    train, val = (Remembered(EntrySplit(entries[split], decode)) for split in SPLITS)
    facts = {
        "layout": LAYOUT,
        "size": list(options.target),
        **PASCAL.facts(ids, used),
        **_origins(entries, readers),
    }
    dataset = MultiTaskDataset(PASCAL.name, _tasks(), train, val, digest, facts, origin=origin)
    return try_a_few(told.noted(dataset, "saliency"))


def _entries(root: Path, ids: Ids, kept: Memory[Path, bytes]) -> Entries:
    """The files of every id. Raises UserError for missing ones."""
    lister = Lister()
    entries = {split: tuple(_entry(root, name, lister, kept) for name in ids[split]) for split in SPLITS}
    check_ids(root, entries, lister)
    check_present(root, entries, lister)
    return entries


def _entry(root: Path, name: str, lister: Lister, kept: Memory[Path, bytes]) -> Entry:
    files = {what: root / pattern.format(id=name) for what, pattern in _FILES.items()}
    places = [root / pattern.format(id=name) for pattern in _SEMSEG]
    return Entry(name, {**files, "semseg": next(filter(lister.has, places), places[-1])}, kept)


def _readers(saliency_fields: Mapping[str, Any]) -> Mapping[str, Any]:
    semseg = TaskFolder(name="semseg", folder="-", classes=CLASSES)
    saliency = TaskFolder.model_validate({"name": "saliency", "folder": "-", **saliency_fields})
    normals = TaskFolder(name="normals", folder="-")
    tasks = {"semseg": semseg, "saliency": saliency, "normals": normals}
    return {name: partial(read_label, ending=".png", task=task) for name, task in tasks.items()}


def _decoded(entry: Entry, options: PascalOptions, cache: EdgeCache, readers: Mapping[str, Any]) -> Sample:
    image = entry.load("image", read_image)
    labels: dict[str, NDArray[Any]] = {name: entry.load(name, read) for name, read in readers.items()}
    label_map, labels["edge"] = entry.load("label_map", partial(_map_and_edges, cache=cache))
    parts = entry.load("human_parts", read_parts)
    if parts is not None:
        labels["human_parts"] = parts
    # Some files have another size than their image; the field's loaders resize them, too.
    size, rules = image.shape[:2], options.rules(["semseg", "human_parts"])
    labels = {t: resized_label(labels[t], size, rules.get(t, "nearest")) for t in TASKS if t in labels}
    labels["normals"][resized_label(label_map, size) == 0] = 0
    return on_canvas(Sample(image, labels), options.target, rules)


def _map_and_edges(data: bytes, cache: EdgeCache) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    label_map = read_label_map(data)
    return label_map, cache.edges(data, label_map)


def _edge_cache(entries: Entries) -> EdgeCache:
    """The cache; where it lacks many maps, they are computed here with a bar, not image by image."""
    cache = EdgeCache(cache_folder())
    everything = [entry for split in SPLITS for entry in entries[split]]
    kept = in_threads(lambda entry: entry.look("label_map", cache.has), everything)
    missing = [entry for entry, known in zip(everything, kept, strict=True) if not known]
    if len(missing) >= MANY and cache.is_writable():
        Progress().say(f"Computing {len(missing)} edge maps, once; they are kept in {cache.folder}")
        in_threads(lambda entry: entry.look("label_map", partial(_map_and_edges, cache=cache)), missing)
    return cache


def _tasks() -> tuple[Task, ...]:
    from benchmark.tasks import make_task

    return tuple(make_task(task, classes=CLASSES if task == "semseg" else ()) for task in TASKS)


def _origins(entries: Entries, readers: Mapping[str, Any]) -> dict[str, Any]:
    """Who made the labels, and how they are meant."""
    all_entries = [entry for split in SPLITS for entry in entries[split]]
    folders = Counter(entry.files["semseg"].parent.name for entry in all_entries)
    origins = {
        "semseg": "human labels: " + ", ".join(f"{n} from {name}" for name, n in sorted(folders.items())),
        "human_parts": "human labels; images without a person with parts are unlabelled",
        "saliency": "distilled: predictions of a network, no human labels",
        "normals": "distilled: predictions of a network, no human labels",
        "edge": "boundaries of human labels (LabelMap)",
    }
    return {
        "label origins": origins,
        "normals axes": axes_of(all_entries[0].look("normals", readers["normals"])),
        "normals invalid": "where LabelMap is 0; published numbers leave out more classes",
    }
