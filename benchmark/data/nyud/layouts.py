"""The four layouts of NYUD-v2: where each thing lies, and how its files are read.

Read out of the loaders of ASTMT, Multi-Task-Learning-PyTorch, ATRC, InvPT, MTAN and LibMTL. Two archives of
one name (NYUD_MT) hold different layouts, so a layout is told by the files that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmark.data.files.matlab import read_mat_numbers
from benchmark.data.files.pictures import read_image
from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import as_label, read_label, read_npy
from benchmark.data.nyud.sample import as_image, in_metres
from benchmark.data.options import Ids
from benchmark.data.published.publication import Lister, listed
from benchmark.errors import UserError

Read = Callable[[bytes], NDArray[Any]]
Meant = Callable[[NDArray[Any]], NDArray[Any]]

CLASSES_40 = listed(
    "wall, floor, cabinet, bed, chair, sofa, table, door, window, bookshelf, picture, counter, blinds, desk, "
    "shelves, curtain, dresser, pillow, mirror, floor mat, clothes, ceiling, books, refridgerator, "
    "television, paper, towel, shower curtain, box, whiteboard, person, night stand, toilet, sink, lamp, "
    "bathtub, bag, otherstructure, otherfurniture, otherprop"
)
#: Couprie et al. 2013, in the order of their ids.
CLASSES_13 = listed(
    "bed, books, ceiling, chair, floor, furniture, objects, picture, sofa, table, television, wall, window"
)


@dataclass(frozen=True)
class Source:
    """Where the files of one thing lie, and how they are read."""

    folder: str
    ending: str
    read: Read

    def path(self, root: Path, split: str, name: str) -> Path:
        """The file of one image."""
        return root / self.folder.format(split=split) / f"{name}{self.ending}"


@dataclass(frozen=True)
class Layout:
    """One way in which NYUD-v2 lies on disk; ``sources`` has the image and every task that has files;
    ``file_name`` turns an id into what its files are called.
    """

    title: str
    classes: tuple[str, ...]
    sources: Mapping[str, Source]
    file_name: Callable[[str], str] = str


def _task(name: str, **fields: Any) -> TaskFolder:
    return TaskFolder.model_validate({"name": name, "folder": "-", **fields})


SEMSEG_40 = _task("semseg", classes=CLASSES_40, first_class=1, ignore=0)
SEMSEG_13 = _task("semseg", classes=CLASSES_13, ignore=-1)
DEPTH, NORMALS = _task("depth", invalid=0.0), _task("normals")
EDGE, GREY_EDGE = _task("edge"), _task("edge", threshold=127.5)

# Splits are pickled for worker processes, so readers are functions and partials of them, never lambdas.


def _label(folder: str, ending: str, task: TaskFolder) -> Source:
    return Source(folder, ending, partial(read_label, ending=ending, task=task))


def _mat(key: str, task: TaskFolder) -> Source:
    return _then(Source(key, ".mat", partial(read_mat_numbers, key=key)), partial(as_label, task=task))


def _then(source: Source, meant: Meant) -> Source:
    """The same files, with what is read from them brought into another form, or refused."""
    return replace(source, read=partial(_read_then, read=source.read, meant=meant))


def _read_then(data: bytes, read: Read, meant: Meant) -> NDArray[Any]:
    return meant(read(data))


_A = {
    "image": Source("images", ".jpg", read_image),
    "semseg": _mat("segmentation", SEMSEG_40),
    "depth": _then(_mat("depth", DEPTH), in_metres),
    "normals": _then(Source("normals", ".jpg", read_image), partial(as_label, task=NORMALS)),
    "edge": _label("edge", ".png", GREY_EDGE),
}
_B = {
    "image": Source("images", ".jpg", read_image),
    "semseg": _label("segmentation", ".png", SEMSEG_40),
    "depth": _then(_label("depth", ".npy", DEPTH), in_metres),
    "normals": _label("normals", ".npy", NORMALS),
    "edge": _label("edge", ".npy", EDGE),
}
_C = {
    **_B,
    "image": Source("images", ".png", read_image),
    "normals": _label("normals", ".png", NORMALS),
    "edge": _label("edge", ".png", GREY_EDGE),
}
_D = {
    "image": _then(Source("{split}/image", ".npy", read_npy), as_image),
    "semseg": _label("{split}/label", ".npy", SEMSEG_13),
    "depth": _then(_label("{split}/depth", ".npy", DEPTH), in_metres),
    "normals": _label("{split}/normal", ".npy", NORMALS),
}


def with_edges(layout: Layout, fields: Mapping[str, Any]) -> Layout:
    """The same layout, its edge files read as these fields of a task say."""
    edge = layout.sources["edge"]
    read_so = _label(edge.folder, edge.ending, _task("edge", **fields))
    return replace(layout, sources={**layout.sources, "edge": read_so})


def _number_in(image_id: str) -> str:
    return str(int(image_id.rpartition("/")[2]))


#: Those with split lists; D is recognised by its folders.
LISTED: Mapping[str, Layout] = {
    "A": Layout("A: NYUD_MT of ASTMT", CLASSES_40, _A),
    "B": Layout("B: NYUD_MT of Multi-Task-Learning-PyTorch, and of ATRC since 2023", CLASSES_40, _B),
    "C": Layout("C: NYUDv2 of InvPT, and of ATRC until 2023", CLASSES_40, _C),
}
NUMBERED = Layout("D: nyuv2 of MTAN and LibMTL", CLASSES_13, _D, _number_in)
PARQUET = Layout("D, as parquet: tanganke/nyuv2 on Hugging Face", CLASSES_13, _D)


def told_apart(root: Path, ids: Ids, lister: Lister) -> Layout:
    """The layout that all files found agree with. Raises UserError if they mix two, or say too little."""
    found = {thing: _examples(root, thing, ids, lister) for thing in _A}
    for paths in found.values():
        if len(paths) > 1:
            raise UserError(
                f"{str(paths[0])!r} and {str(paths[1])!r} belong to different layouts; keep one of them."
            )
    seen = {thing: paths[0] for thing, paths in found.items() if paths}
    fitting = [layout for layout in LISTED.values() if _fits(layout, seen)]
    if len(fitting) == 1:
        return fitting[0]
    files = ", ".join(str(path.relative_to(root)) for path in seen.values()) or "no file of the split lists"
    wrong = "say too little of" if fitting else "do not agree on"
    folders = ", ".join(source.folder for source in _A.values())
    raise UserError(f"The files in {str(root)!r} {wrong} a layout ({files}); there should be {folders}.")


def _examples(root: Path, thing: str, ids: Ids, lister: Lister) -> list[Path]:
    """For each ending that a layout gives this thing, the first file of that ending."""
    paths = []
    for ending in dict.fromkeys(layout.sources[thing].ending for layout in LISTED.values()):
        folder = root / _A[thing].folder
        candidates = (folder / f"{name}{ending}" for split in ids.values() for name in split)
        paths += [path for path in [next(filter(lister.has, candidates), None)] if path]
    return paths


def _fits(layout: Layout, seen: Mapping[str, Path]) -> bool:
    return all(layout.sources[thing].ending == path.suffix for thing, path in seen.items())
