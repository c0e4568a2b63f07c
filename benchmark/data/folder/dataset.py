"""A user's own data: folders of images and labels with equal stems, described by a YAML file.

Everything is checked before training starts: first what lies there, then, in one pass that decodes every
file once, what is in it. The same pass computes the digest. Nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.decoded.memory_cache import Remembered
from benchmark.data.files.pictures import IMAGE_ENDINGS
from benchmark.data.folder.columns import columns_of
from benchmark.data.folder.config import Fit, FolderConfig, TaskFolder, load_config
from benchmark.data.folder.file_names import FileNames, normal
from benchmark.data.folder.groups import groups_of
from benchmark.data.folder.label_files import LABEL_ENDINGS
from benchmark.data.folder.scan import FolderSplit, Item, Scans, content_problems, digest_of, scan_all
from benchmark.data.folder.unread_files import Unread
from benchmark.data.options import Sized
from benchmark.data.problems import Finding, Problems
from benchmark.data.roots import root_of_yaml
from benchmark.errors import UserError
from benchmark.untrusted_files import read_text
from benchmark.words import counted

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

SPLITS = ("train", "val")
MOST_LIST = 2**24  # bytes of a list of ids: a million of them
LONGEST = 256  # characters of an id: no file system takes more
Files = Mapping[str, Path]
Place = tuple[Path, FileNames]


class FolderOptions(Sized):
    """Which images, and the size to bring them to: as the YAML file says by default."""

    fit: Fit | None = Field(None, description="stretch to the size, or put on a canvas of it undistorted")


def open_folder(
    yaml_path: Path, data_root: Path | None = None, options: FolderOptions | None = None
) -> MultiTaskDataset:
    """Open the data set that ``yaml_path`` describes and check every file of it that is used.

    ``data_root`` replaces the ``root`` of the file (``roots`` has the rule). Ids are stems, sorted; where
    train and val have stems in common, every id begins with its split ("train/0001"). Raises UserError, which
    names each wrong field of the YAML file or each wrong data file.
    """
    options = options or FolderOptions()
    config = _changed(load_config(yaml_path), options, yaml_path)
    root = root_of_yaml(config, yaml_path, data_root)
    matcher = _match(config, root.folder, yaml_path)
    # Chosen before they are read: a small pool out of a large folder opens fast.
    items = _only({split: matcher.items(split) for split in SPLITS}, options)
    splits = {split: Remembered(FolderSplit(items[split], config)) for split in SPLITS}
    scans = {split: scan_all(items[split], config, splits[split].keep) for split in SPLITS}
    # All that is wrong in one go, where one at a time would take a run for each.
    _refuse(content_problems(items, scans, config), yaml_path)
    return MultiTaskDataset(
        config.name,
        tuple(map(_task, config.tasks.values())),
        splits["train"],
        splits["val"],
        digest_of(config, scans),
        {**_facts(items, config, scans), **matcher.not_read()},
        {name: task.coding for name, task in config.tasks.items()},
        tuple(matcher.findings()),
        origin=root,
        groups=_groups(items["train"], config, yaml_path),
        columns=_columns(items["train"], config, root.folder, yaml_path),
    )


def _groups(items: Sequence[Item], config: FolderConfig, yaml_path: Path) -> dict[str, str] | None:
    if config.groups is None:
        return None
    try:
        return groups_of([item.id for item in items], config.groups)
    except ValueError as error:
        raise UserError(f"{str(yaml_path)!r}: groups: {error}.") from None


def _columns(
    items: Sequence[Item], config: FolderConfig, root: Path, yaml_path: Path
) -> dict[str, dict[str, float]]:
    if config.columns is None:
        return {}
    try:
        return columns_of(root / config.columns, [item.id for item in items])
    except ValueError as error:
        raise UserError(f"{str(yaml_path)!r}: columns: {error}.") from None


def _changed(config: FolderConfig, options: FolderOptions, yaml_path: Path) -> FolderConfig:
    """The configuration with what the options say in its place. Raises UserError."""
    fit, size = options.fit or config.fit, options.target or config.size
    if fit == "canvas" and size is None:
        raise UserError(f"{str(yaml_path)!r}: a canvas has a size; give height and width.")
    return config.model_copy(update={"fit": fit, "size": size})


def _only(items: Mapping[str, tuple[Item, ...]], options: FolderOptions) -> Mapping[str, tuple[Item, ...]]:
    """As many items as were asked for, evenly spaced."""
    by_id = {split: {item.id: item for item in found} for split, found in items.items()}
    used = options.of({split: tuple(found) for split, found in by_id.items()})
    return {split: tuple(found[name] for name in used[split]) for split, found in by_id.items()}


def _task(task: TaskFolder) -> Task:
    from benchmark.tasks import make_task

    options = dict(task.options)
    if task.positive_weight is not None:
        options["positive_weight"] = task.positive_weight
    return make_task(
        task.name, task.kind, task=task.task, classes=task.classes, weight=task.weight, **options
    )


def _facts(items: Mapping[str, tuple[Item, ...]], config: FolderConfig, scans: Scans) -> Mapping[str, Any]:
    labelled = {
        name: {split: sum(name in item.labels for item in items[split]) for split in SPLITS}
        for name in config.tasks
    }
    images = {split: len(items[split]) for split in SPLITS}
    size = list(config.size or scans["train"][0].size)
    return {
        "layout": "folder",
        "size": size,
        "images": images,
        "labelled": labelled,
        **_turned(config, scans),
    }


def _turned(config: FolderConfig, scans: Scans) -> Mapping[str, str]:
    """How many images ask to be shown turned or mirrored, where there are any."""
    count = sum(scan.orientation != 1 for found in scans.values() for scan in found)
    done = "applied" if config.image.exif == "apply" else "ignored"
    return {"EXIF orientation": f"{done} in {counted(count, 'image')}"} if count else {}


def _refuse(problems: Problems, yaml_path: Path) -> None:
    if problems:
        lines = "".join(f"\n  {line}" for line in problems.lines())
        raise UserError(f"The data of {str(yaml_path)!r} cannot be used ({len(problems)} found):{lines}")


# What lies there


def _match(config: FolderConfig, root: Path, yaml_path: Path) -> _Matcher:
    """What belongs together. Raises UserError for files and ids that do not fit together."""
    matcher = _Matcher(config, root)
    for split in SPLITS:
        matcher.check_labels(split)
    matcher.check_extra_labels()
    _refuse(matcher.problems, yaml_path)
    return matcher


class _Matcher:
    """Finds the files of every id; every folder is listed once."""

    def __init__(self, config: FolderConfig, root: Path) -> None:
        self.config, self.root = config, root
        self.problems = Problems()
        # By names too: images and labels may lie in one folder.
        self._listed: dict[tuple[Path, FileNames], Files | None] = {}
        self._image_names = FileNames(config.image.file, IMAGE_ENDINGS)
        self.unread = Unread()
        self.images = {
            split: self._files(self._folder(config.image.folder, split), self._image_names) or {}
            for split in SPLITS
        }
        self.ids = {split: self._ids(split) for split in SPLITS}
        self.shared = self._shared()
        self._check_shared()

    def items(self, split: str) -> tuple[Item, ...]:
        """The images of a split, sorted by id, with their labels."""
        labels = {name: self._labels(task, split) for name, task in self.config.tasks.items()}
        # Only where it is needed: ids are what results show, and stay the file's own otherwise.
        prefix = f"{split}/" if self.shared else ""
        return tuple(
            Item(
                prefix + stem,
                self.images[split][stem],
                {name: files[stem] for name, files in labels.items() if stem in files},
            )
            for stem in self.ids[split]
        )

    def check_extra_labels(self) -> None:
        """A label without an image is a sign of a wrong name or folder."""
        for task in self.config.tasks.values():
            for place, stems in self._by_place(task, self.images).items():
                files = self._files(*place) or {}
                told = stems and not files.keys() & stems  # a folder without a label of any image
                for stem in [] if told else [stem for stem in files if stem not in stems]:
                    text = f"Label {str(files[stem])!r} has no image {stem!r}."
                    self.problems.add(f"{task.name} extra", text)

    def _folder(self, pattern: str, split: str) -> Path:
        return self.root / self.config.splits.fill(pattern, split)

    def _places(self, task: TaskFolder, split: str) -> list[Place]:
        """Where each annotator's labels of a split lie, and how they are called."""
        return [(self._folder(f, split), FileNames(name, LABEL_ENDINGS)) for f, name in task.places]

    @cached_property
    def _all_places(self) -> tuple[Place, ...]:
        """Where images and labels of both splits lie."""
        tasks = self.config.tasks.values()
        images = [(self._folder(self.config.image.folder, split), self._image_names) for split in SPLITS]
        return (*images, *(place for t in tasks for split in SPLITS for place in self._places(t, split)))

    def _files(self, folder: Path, names: FileNames) -> Files | None:
        """The files of a folder by stem, or None if it cannot be listed."""
        key = folder, names
        if key not in self._listed:
            self._listed[key] = self._list(folder, names)
        return self._listed[key]

    def _list(self, folder: Path, names: FileNames) -> Files | None:
        try:
            # File systems list in any order, and problems are to be told in one.
            paths = sorted(folder.iterdir())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problems.add("folder", f"Folder {str(folder)!r:.300} cannot be listed: {reason}.")
            return None
        files: dict[str, Path] = {}
        # Of two patterns that take a file, such as {id}.png and {id}_depth.png, the closer one has it.
        closer = [other for place, other in self._all_places if place == folder and other.is_closer(names)]
        mine = [path for path in paths if not any(other.reads(path) for other in closer)]
        for path in self.unread.read_of(folder, names, mine):
            self._add(files, names.id_of(path) or path.stem, path)
        return files

    def _add(self, files: dict[str, Path], stem: str, path: Path) -> None:
        # Ids are printed, in terminals too, where a control character could do something.
        if not stem.isprintable():
            self.problems.add(
                "name", f"File {str(path)!r} has unprintable characters in its name; rename it."
            )
        if stem in files:
            self.problems.add(
                "stem", f"{str(files[stem])!r} and {str(path)!r} have the same stem; keep one of the two."
            )
        files[stem] = path

    def _ids(self, split: str) -> Sequence[str]:
        images, lists = self.images[split], self.config.splits.lists
        folder = self._folder(self.config.image.folder, split)
        if self._files(folder, self._image_names) is None:
            return []
        source = folder if lists is None else self._folder(lists, split)
        ids = sorted(images) if lists is None else self._read_list(source)
        if not ids:
            self.problems.add("empty", f"Split {split} is empty: there is no image or id in {str(source)!r}.")
        for stem in sorted(set(ids) - images.keys()):
            self.problems.add(
                "no image",
                f"Id {stem!r} of {str(source)!r} has no image "
                f"{str(folder / self._image_names.example(stem))!r}{_or(self._image_names)}"
                f"{self.unread.beside(folder, self._image_names, stem)}.",
            )
        return sorted(images.keys() & set(ids))

    def _read_list(self, path: Path) -> list[str]:
        try:
            lines = read_text(path, MOST_LIST).splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problems.add("list", f"List {str(path)!r} cannot be read: {reason}.")
            return []
        # As file names are: an accented letter can be written in two ways that look the same.
        ids = [normal(line.strip()[:LONGEST]) for line in lines if line.strip()]
        for stem, count in Counter(ids).items():
            if count > 1:
                self.problems.add("twice", f"Id {stem!r} is {count} times in {str(path)!r}; once is right.")
        return ids

    def _shared(self) -> list[str]:
        """Stems that name one image in train and another in val."""
        both = sorted(set(self.ids["train"]) & set(self.ids["val"]))
        # The same file in both splits is an image that is trained on and validated on.
        one = [stem for stem in both if self.images["train"][stem] == self.images["val"][stem]]
        for stem in one:
            path = str(self.images["train"][stem])
            self.problems.add("overlap", f"Id {stem!r} ({path!r}) is in train and in val; keep it in one.")
        return [stem for stem in both if stem not in set(one)]

    def _check_shared(self) -> None:
        for task in self.config.tasks.values() if self.shared else ():
            if self._places(task, "train") == self._places(task, "val"):
                self.problems.add(
                    "ambiguous",
                    f"tasks.{task.name}.folder: should contain {{split}}, for image {self.shared[0]!r}"
                    " is another one in train than in val.",
                )

    def _labels(self, task: TaskFolder, split: str) -> Mapping[str, tuple[Path, ...]]:
        """The label files of every id that has some, an annotator's after another's."""
        found: dict[str, tuple[Path, ...]] = {}
        for place in self._places(task, split):
            for stem, path in (self._files(*place) or {}).items():
                found[stem] = (*found.get(stem, ()), path)
        return found

    def check_labels(self, split: str) -> None:
        """Every image has a label, unless a task is partial; that one has some."""
        for task in self.config.tasks.values():
            if None not in [self._files(*place) for place in self._places(task, split)]:
                self._check_labels(task, split)

    def _check_labels(self, task: TaskFolder, split: str) -> None:
        (folder, names), files = self._places(task, split)[0], self._labels(task, split)
        if self.ids[split] and not files.keys() & set(self.ids[split]):
            self._say_none(task, split)
            return
        # An image without a label is mostly an oversight, so a task must say that it has such.
        missing = [] if task.partial else [stem for stem in self.ids[split] if stem not in files]
        for stem in missing:
            self.problems.add(
                f"{task.name} missing",
                f"Image {str(self.images[split][stem])!r} has no {task.name} label"
                f" {str(folder / names.example(stem))!r}{_or(names)}"
                f"{self.unread.beside(folder, names, stem) or '; add it, or say partial: true'}.",
            )

    def _say_none(self, task: TaskFolder, split: str) -> None:
        """One sentence for a wrong folder, and not one for every image and every file in it."""
        first = self.ids[split][0]
        folder, names = self._places(task, split)[0]
        there = self.unread.beside(folder, names, first)
        held = next(iter((self._files(folder, names) or {}).values()), None)
        # Names that do not match are told by an example of each.
        if held is not None and not there:
            there = f"; it holds such as {held.name!r}, and should hold such as {names.example(first)!r}"
        text = f"No image of {split} has a {task.name} label in {str(folder)!r}{there}."
        self.problems.add("none", text)

    def findings(self) -> Iterator[Finding]:
        """What lies there, looks like an image or a label, and is not read."""
        tasks, names = self.config.tasks.values(), self._image_names
        used = [folder for folder, _ in self._all_places]
        for split in SPLITS if self.config.splits.lists is None else ():  # a list says which images there are
            folder = self._folder(self.config.image.folder, split)
            yield from self.unread.images(folder, names, self.images[split])
            yield from self.unread.folders(folder, names, used)
        for task in tasks:
            for (folder, names), stems in self._by_place(task, self.ids).items():
                labelled = self._files(folder, names) or {}
                yield from self.unread.labels(task.name, folder, names, stems, labelled)
                yield from self.unread.folders(folder, names, used)

    def not_read(self) -> dict[str, Any]:
        """Facts on what is named like an image and not read."""
        found = self.unread.counted(self.root, {stem for images in self.images.values() for stem in images})
        return {"not read": found} if found else {}

    def _by_place(self, task: TaskFolder, ids: Mapping[str, Iterable[str]]) -> dict[Place, set[str]]:
        """Where labels of a task lie, and the names of the images that each place is for."""
        stems: dict[Place, set[str]] = {}
        for split in SPLITS:
            for place in self._places(task, split):
                stems.setdefault(place, set()).update(ids[split])
        return stems


def _or(names: FileNames) -> str:
    """That a file may have another ending, where it may."""
    if len(names.read) < 2:
        return ""
    return f" (or {names.read[1]}{' ...' if len(names.read) > 2 else ''})"
