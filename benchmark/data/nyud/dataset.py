"""Open NYUD-v2 (Silberman et al., ECCV 2012) for semseg, depth, normals and edge, whatever its layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.data.dataset import MultiTaskDataset, Sample, Split
from benchmark.data.decoded.memory_cache import Memory, Remembered
from benchmark.data.nyud.layouts import NUMBERED, PARQUET, Layout, told_apart, with_edges
from benchmark.data.nyud.sample import TASKS, made_sample
from benchmark.data.options import Ids, Shrinking
from benchmark.data.published.binary_codings import Told, told_by_files
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
    read_lists,
    try_a_few,
)
from benchmark.errors import UserError

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

NYUD = Publication(
    name="nyud",
    title="NYUD-v2",
    folders=("NYUD_MT", "NYUDv2", "nyuv2"),
    images={"train": 795, "val": 654},
    how_to_get=(
        "Get it: `mtal data fetch nyud X` brings the data set tanganke/nyuv2 of Hugging Face (13 classes) "
        "and checks it. With 40 classes, get NYUD_MT.tgz (Google Drive id 14EAEMXmd3zs2hIMY63UhHPSFPDAkiTzw) "
        "or the NYUDv2 archive that MTDP_Lib re-hosts (Google Drive id 1rj3tHdQVYqe-Y3mpxv4EgWsiqgq3z87H); "
        "hosts move: the name and id are what to search for. Unpack it so that X/NYUD_MT holds images/, "
        "segmentation/, depth/, normals/, edge/ and gt_sets/{train,val}.txt (docs/datasets.md shows the "
        "other layouts), and check it: mtal data check nyud --data-root X"
    ),
)


class NyudOptions(Shrinking):
    """Which images, and the size to bring them to: as they are by default."""


def open_nyud(options: NyudOptions, data_root: Path | None) -> MultiTaskDataset:
    """Open the copy at ``data_root``, or in a folder of its usual name there.

    The layout is told by what lies there and is among the facts. Raises UserError, naming files, for none or
    several copies, mixed layouts, missing and unreadable files.
    """
    origin = NYUD.find(data_root, lambda folder: bool(_families(folder)))
    root = origin.folder
    # More than one says that two copies were unpacked into one folder, whose files would be mixed.
    families = _families(root)
    if len(families) != 1:
        found = " and ".join(families.values()) or "no split lists and no images"
        raise UserError(
            f"{str(root)!r} holds {found}; it should hold one layout of NYUD-v2 (docs/datasets.md)."
        )
    opened = _OPENERS[next(iter(families))](root, options)
    # The digest covers what files are taken for, too: the same files read otherwise are other data.
    meaning = {"data": NYUD.name, "layout": opened.layout.title, "options": options.meaning()}
    digest = content_digest(root, opened.files, {**meaning, "ids": opened.used}, opened.kept)
    # Copies write edges as 0 and 1 or as 0 to 255, and their layout does not say which.
    told = _edges_told(opened, digest)
    if told:
        opened = _read_again(opened, with_edges(opened.layout, told.fields), options)
    opened = replace(opened, train=Remembered(opened.train), val=Remembered(opened.val))
    tasks, facts = _tasks(opened.layout), _facts(opened)
    dataset = MultiTaskDataset(NYUD.name, tasks, opened.train, opened.val, digest, facts, origin=origin)
    return try_a_few(told.noted(dataset, "edge") if told else dataset)


def _edges_told(opened: Opened, digest: str) -> Told | None:
    """The coding of edge files, where the layout has any."""
    splits = [split for split in (opened.train, opened.val) if isinstance(split, EntrySplit)]
    files = [entry.files for split in splits for entry in split.entries]
    paths = [found["edge"] for found in files if "edge" in found]
    return told_by_files("edge", paths, digest) if paths else None


def _read_again(opened: Opened, layout: Layout, options: NyudOptions) -> Opened:
    """The same files, read as another layout says."""
    decode = partial(_decoded, layout=layout, options=options)
    train, val = (
        replace(split, decode=decode) if isinstance(split, EntrySplit) else split
        for split in (opened.train, opened.val)
    )
    return replace(opened, layout=layout, train=train, val=val)


@dataclass(frozen=True)
class Opened:
    """What was found: the layout, both splits, all files, and ids found and used."""

    layout: Layout
    train: Split
    val: Split
    files: tuple[Path, ...]
    found: Ids
    used: Ids
    kept: Memory[Path, bytes] = field(default_factory=lambda: Memory(0))


def _families(root: Path) -> dict[str, str]:
    """Ways of storing that have left traces here, and the traces."""
    traces = {
        "listed": ("gt_sets", "segmentation"),
        "numbered": ("train/image", "val/image"),
        "parquet": ("train-*.parquet", "val-*.parquet", "data/train-*.parquet", "data/val-*.parquet"),
    }
    found = {
        family: next((pattern for pattern in patterns if any(root.glob(pattern))), "")
        for family, patterns in traces.items()
    }
    return {family: trace for family, trace in found.items() if trace}


def _open_listed(root: Path, options: NyudOptions) -> Opened:
    ids, lister = read_lists(root / "gt_sets", NYUD), Lister()
    return _opened(root, told_apart(root, ids, lister), ids, options, lister)


def _open_numbered(root: Path, options: NyudOptions) -> Opened:
    lister = Lister()
    ids = {split: _numbered(root, split, lister) for split in SPLITS}
    return _opened(root, NUMBERED, ids, options, lister)


def _numbered(root: Path, split: str, lister: Lister) -> tuple[str, ...]:
    """Every number that a file has. Train and val both count from 0, so the split becomes part of the id."""
    numbers: set[int] = set()
    for source in NUMBERED.sources.values():
        folder = root / source.folder.format(split=split)
        names = [name for name in lister.names(folder) if name.endswith(source.ending) and name[0] != "."]
        numbers.update(_number(folder / name) for name in names)
    _refuse_unread(root, split, lister, numbers)
    NYUD.check_count(split, len(numbers), root / split)
    return tuple(f"{split}/{number:04d}" for number in sorted(numbers))


def _refuse_unread(root: Path, split: str, lister: Lister, numbers: Collection[int]) -> None:
    """Raises UserError for a number that has files of other endings alone."""
    for source in NUMBERED.sources.values():
        folder = root / source.folder.format(split=split)
        for path in (folder / name for name in sorted(lister.names(folder))):
            # A copy that was converted in part would otherwise lose images without a word.
            if path.stem.isdecimal() and int(path.stem) not in numbers:
                raise UserError(f"{str(path)!r} is not read: in this layout it should be {path.stem}.npy.")


def _number(path: Path) -> int:
    # One spelling for each number: 7.npy and 07.npy would be one image twice.
    if not re.fullmatch(r"0|[1-9]\d{0,3}", path.stem, re.ASCII):
        raise UserError(f"{str(path)!r} should have a number as its name, such as 0.npy.")
    return int(path.stem)


def _opened(root: Path, layout: Layout, ids: Ids, options: NyudOptions, lister: Lister) -> Opened:
    used = options.of(ids)
    kept = files_in_memory()
    entries = {s: tuple(_entry(root, layout, s, name, kept) for name in used[s]) for s in SPLITS}
    # Ids without any file first, or each of them would be a line for every file that it lacks.
    check_ids(root, entries, lister)
    check_present(root, entries, lister)
    decode = partial(_decoded, layout=layout, options=options)
    train, val = (EntrySplit(entries[split], decode) for split in SPLITS)
    files = tuple(path for split in SPLITS for entry in entries[split] for path in entry.files.values())
    return Opened(layout, train, val, files, ids, used, kept)


def _entry(root: Path, layout: Layout, split: str, image_id: str, kept: Memory[Path, bytes]) -> Entry:
    name = layout.file_name(image_id)
    return Entry(image_id, {what: s.path(root, split, name) for what, s in layout.sources.items()}, kept)


def _decoded(entry: Entry, layout: Layout, options: NyudOptions) -> Sample:
    arrays = {what: entry.load(what, layout.sources[what].read) for what in entry.files}
    image = arrays.pop("image")
    for task, label in arrays.items():
        if label.shape[:2] not in (image.shape[:2], options.target):
            raise UserError(
                f"{str(entry.files[task])!r} is {label.shape[0]} high, {label.shape[1]} wide, and its image "
                f"is {image.shape[0]} high, {image.shape[1]} wide."
            )
    return made_sample(image, arrays, options.target, options.rules(["semseg"]))


def _open_parquet(root: Path, options: NyudOptions) -> Opened:
    # Here, for its library takes a while to import and few copies need it.
    from benchmark.data.nyud.parquet import parquet_split

    splits = {split: parquet_split(root, split, options) for split in SPLITS}
    for split, rows in splits.items():
        NYUD.check_count(split, len(rows.ids), root)
    found = {split: rows.ids for split, rows in splits.items()}
    used = options.of(found)
    train, val = (splits[split].only(used[split]) for split in SPLITS)
    files = tuple(path for rows in splits.values() for path in rows.files)
    return Opened(PARQUET, train, val, files, found, used)


_OPENERS: Mapping[str, Callable[[Path, NyudOptions], Opened]] = {
    "listed": _open_listed,
    "numbered": _open_numbered,
    "parquet": _open_parquet,
}


def _tasks(layout: Layout) -> tuple[Task, ...]:
    from benchmark.tasks import make_task

    return tuple(make_task(task, classes=layout.classes if task == "semseg" else ()) for task in TASKS)


def _facts(opened: Opened) -> dict[str, Any]:
    origins = {
        "semseg": f"human labels, {len(opened.layout.classes)} classes",
        "depth": "sensor, in metres as stored",
        "normals": "as the copy has them, no human labels",
        "edge": "as the copy has them" if "edge" in opened.layout.sources else "boundaries of semseg labels",
    }
    sample = opened.train[0]
    return {
        "layout": opened.layout.title,
        "size": list(sample.image.shape[:2]),
        **NYUD.facts(opened.found, opened.used),
        "label origins": origins,
        "normals axes": axes_of(sample.labels["normals"]),
    }
