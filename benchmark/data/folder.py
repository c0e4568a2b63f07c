"""A user's own data: folders of images and labels with equal stems, described by a YAML file.

Everything is checked before training starts: first what lies there, then, in one pass that decodes every
file once, what is in it. The same pass computes the digest. Nothing is written.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from benchmark.data.archives import Sized
from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.findings import Finding, Problems
from benchmark.data.folder_config import Fit, FolderConfig, TaskFolder, load_config
from benchmark.data.folder_scan import FolderSplit, Item, Scans, content_problems, digest_of, scan_all
from benchmark.data.labels import LABEL_ENDINGS
from benchmark.data.pictures import IMAGE_ENDINGS
from benchmark.data.remembered import Remembered
from benchmark.data.roots import root_of_yaml
from benchmark.data.unread import Unread
from benchmark.errors import UserError
from benchmark.reading import read_text

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

SPLITS = ("train", "val")
MOST_LIST = 2**24  # bytes of a list of ids: a million of them
LONGEST = 256  # characters of an id: no file system takes more
Files = Mapping[str, Path]


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
    items = _only({split: matcher.items(split) for split in SPLITS}, options)
    splits = {split: Remembered(FolderSplit(items[split], config)) for split in SPLITS}
    scans = {split: scan_all(items[split], config, splits[split].keep) for split in SPLITS}
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
    )


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

    options = {} if task.positive_weight is None else {"positive_weight": task.positive_weight}
    return make_task(task.name, task.kind, classes=task.classes, weight=task.weight, **options)


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
    return {"EXIF orientation": f"{done} in {count} images"} if count else {}


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
        self._listed: dict[tuple[Path, tuple[str, ...]], Files | None] = {}
        self.unread = Unread(_normal)
        self.images = {
            split: self._files(self._folder(config.image.folder, split), IMAGE_ENDINGS) or {}
            for split in SPLITS
        }
        self.ids = {split: self._ids(split) for split in SPLITS}
        self.shared = self._shared()
        self._check_shared()

    def items(self, split: str) -> tuple[Item, ...]:
        """The images of a split, sorted by id, with their labels."""
        labels = {name: self._labels(task, split) for name, task in self.config.tasks.items()}
        prefix = f"{split}/" if self.shared else ""
        return tuple(
            Item(
                prefix + stem,
                self.images[split][stem],
                {name: (files[stem],) for name, files in labels.items() if stem in files},
            )
            for stem in self.ids[split]
        )

    def check_extra_labels(self) -> None:
        """A label without an image is a sign of a wrong name or folder."""
        for task in self.config.tasks.values():
            folders = {split: self._folder(task.folder, split) for split in SPLITS}
            for folder in dict.fromkeys(folders.values()):
                stems = {stem for split in SPLITS if folders[split] == folder for stem in self.images[split]}
                for stem, path in (self._files(folder, LABEL_ENDINGS) or {}).items():
                    if stem not in stems:
                        self.problems.add(f"{task.name} extra", f"Label {str(path)!r} has no image {stem!r}.")

    def _folder(self, pattern: str, split: str) -> Path:
        return self.root / self.config.splits.fill(pattern, split)

    def _files(self, folder: Path, endings: tuple[str, ...]) -> Files | None:
        """The files of a folder by stem, or None if it cannot be listed."""
        key = folder, endings
        if key not in self._listed:
            self._listed[key] = self._list(folder, endings)
        return self._listed[key]

    def _list(self, folder: Path, endings: tuple[str, ...]) -> Files | None:
        try:
            paths = sorted(folder.iterdir())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problems.add("folder", f"Folder {str(folder)!r:.300} cannot be listed: {reason}.")
            return None
        files: dict[str, Path] = {}
        for path in self.unread.read_of(folder, endings, paths):
            self._add(files, path)
        return files

    def _add(self, files: dict[str, Path], path: Path) -> None:
        stem = _normal(path.stem)
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
        if self._files(folder, IMAGE_ENDINGS) is None:
            return []
        source = folder if lists is None else self._folder(lists, split)
        ids = sorted(images) if lists is None else self._read_list(source)
        if not ids:
            self.problems.add("empty", f"Split {split} is empty: there is no image or id in {str(source)!r}.")
        for stem in sorted(set(ids) - images.keys()):
            self.problems.add(
                "no image",
                f"Id {stem!r} of {str(source)!r} has no image {str(folder / f'{stem}.jpg')!r} (or .png ...)"
                f"{self.unread.beside(folder, IMAGE_ENDINGS, stem)}.",
            )
        return sorted(images.keys() & set(ids))

    def _read_list(self, path: Path) -> list[str]:
        try:
            lines = read_text(path, MOST_LIST).splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problems.add("list", f"List {str(path)!r} cannot be read: {reason}.")
            return []
        ids = [_normal(line.strip()[:LONGEST]) for line in lines if line.strip()]
        for stem, count in Counter(ids).items():
            if count > 1:
                self.problems.add("twice", f"Id {stem!r} is {count} times in {str(path)!r}; once is right.")
        return ids

    def _shared(self) -> list[str]:
        """Stems that name one image in train and another in val."""
        both = sorted(set(self.ids["train"]) & set(self.ids["val"]))
        one = [stem for stem in both if self.images["train"][stem] == self.images["val"][stem]]
        for stem in one:
            path = str(self.images["train"][stem])
            self.problems.add("overlap", f"Id {stem!r} ({path!r}) is in train and in val; keep it in one.")
        return [stem for stem in both if stem not in set(one)]

    def _check_shared(self) -> None:
        for task in self.config.tasks.values() if self.shared else ():
            if self._folder(task.folder, "train") == self._folder(task.folder, "val"):
                self.problems.add(
                    "ambiguous",
                    f"tasks.{task.name}.folder: should contain {{split}}, for image {self.shared[0]!r}"
                    " is another one in train than in val.",
                )

    def _labels(self, task: TaskFolder, split: str) -> Files:
        return self._files(self._folder(task.folder, split), LABEL_ENDINGS) or {}

    def check_labels(self, split: str) -> None:
        """Every image has a label, unless a task is partial; that one has some."""
        for task in self.config.tasks.values():
            if self._files(self._folder(task.folder, split), LABEL_ENDINGS) is not None:
                self._check_labels(task, split)

    def _check_labels(self, task: TaskFolder, split: str) -> None:
        folder, files = self._folder(task.folder, split), self._labels(task, split)
        missing = [] if task.partial else [stem for stem in self.ids[split] if stem not in files]
        for stem in missing:
            self.problems.add(
                f"{task.name} missing",
                f"Image {str(self.images[split][stem])!r} has no {task.name} label"
                f" {str(folder / f'{stem}.png')!r} (or .npy)"
                f"{self.unread.beside(folder, LABEL_ENDINGS, stem) or '; add it, or say partial: true'}.",
            )
        if task.partial and self.ids[split] and not files.keys() & set(self.ids[split]):
            there = next((self.unread.beside(folder, LABEL_ENDINGS, stem) for stem in self.ids[split]), "")
            self.problems.add(
                "none", f"No image of {split} has a {task.name} label in {str(folder)!r}{there}."
            )

    def findings(self) -> Iterator[Finding]:
        """What lies there, looks like an image or a label, and is not read."""
        image, tasks = self.config.image.folder, self.config.tasks.values()
        used = [self._folder(each, split) for each in (image, *(t.folder for t in tasks)) for split in SPLITS]
        for folder, stems in self._by_folder(image).items():
            if self.config.splits.lists is None:  # a list says which images there are
                yield from self.unread.images(folder, IMAGE_ENDINGS, stems)
                yield from self.unread.folders(folder, IMAGE_ENDINGS, used)
        for task in tasks:
            for folder, stems in self._by_folder(task.folder).items():
                labelled = self._files(folder, LABEL_ENDINGS) or {}
                yield from self.unread.labels(task.name, folder, LABEL_ENDINGS, stems, labelled)
                yield from self.unread.folders(folder, LABEL_ENDINGS, used)

    def not_read(self) -> dict[str, Any]:
        """Facts on what is named like an image and not read."""
        found = self.unread.counted(self.root, {stem for images in self.images.values() for stem in images})
        return {"not read": found} if found else {}

    def _by_folder(self, pattern: str) -> dict[Path, set[str]]:
        """The folders of a pattern, each with the names of the images that it is for."""
        stems: dict[Path, set[str]] = {}
        for split in SPLITS:
            stems.setdefault(self._folder(pattern, split), set()).update(self.ids[split])
        return stems


def _normal(stem: str) -> str:
    """One spelling of accented letters: file systems differ in it, and lists come from elsewhere."""
    return unicodedata.normalize("NFC", stem)
