"""What lies beside the images and labels of a user's folders and is not read: named and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmark.data.folder.file_names import FileNames
from benchmark.data.problems import Finding

#: Pictures and arrays that people keep images and labels in, whatever is read of them.
LIKE_DATA = frozenset(
    f".{name}"
    for names in (
        ("apng", "avif", "bmp", "dds", "dib", "emf", "eps", "gif", "heic", "heif", "ico", "jfif", "jpe"),
        ("jpeg", "jpg", "j2k", "jp2", "jxl", "pcx", "png", "psd", "qoi", "sgi", "svg", "tga", "tif", "tiff"),
        ("exr", "hdr", "pam", "pbm", "pfm", "pgm", "pic", "pnm", "ppm", "webp", "wmf", "xbm", "xpm"),
        ("arw", "cr2", "cr3", "dcm", "dng", "nef", "orf", "raf", "raw", "rw2"),
        ("h5", "hdf5", "mat", "nii", "npy", "npz", "pickle", "pkl", "pt", "pth"),
    )
    for name in names
)
MOST_LOOKED = 1000  # entries of a folder that is no place of the data
Findings = Iterator[Finding]


class Unread:
    """The entries of folders that were listed for files of some names, and are read as nothing."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Path, FileNames], list[Path]] = {}
        self._read: set[Path] = set()

    def read_of(self, folder: Path, names: FileNames, paths: Sequence[Path]) -> list[Path]:
        """The files of these names among the entries; what systems leave behind (._0001.png) is nothing."""
        plain = [path for path in paths if not path.name.startswith(".")]
        read = [path for path in plain if names.reads(path) and path.is_file()]
        self._entries[folder, names] = sorted(set(plain) - set(read))
        self._read.update(read)
        return read

    def beside(self, folder: Path, names: FileNames, stem: str) -> str:
        """The end of a sentence on a missing file: what lies there in its place, if anything does."""
        there = [path for path in self._of(folder, names) if names.id_of(path) == stem]
        return f"; {str(there[0])!r} is there, and {_why(there[0], names)}" if there else ""

    def images(self, folder: Path, names: FileNames, found: Collection[str]) -> Findings:
        """Entries that look like an image and are none, where no image has their name."""
        for path in self._of(folder, names):
            if path.suffix.lower() in LIKE_DATA and names.id_of(path) not in found:
                yield Finding("image unread", f"Image {str(path)!r} {_why(path, names)}.", fatal=False)

    def labels(
        self, task: str, folder: Path, names: FileNames, images: Collection[str], found: Collection[str]
    ) -> Findings:
        """Entries named like an image that has no label, or that look like a label of no image."""
        for path in self._of(folder, names):
            stem = names.id_of(path)
            if stem in images and stem not in found:
                text = f"Image {stem!r} would have no {task} label: {str(path)!r} {_why(path, names)}."
                yield Finding(f"{task} unread", text)
            elif stem not in found and path.suffix.lower() in LIKE_DATA:
                image = f", and has no image {stem!r}" if stem else ""
                text = f"Label {str(path)!r} {_why(path, names)}{image}."
                yield Finding(f"{task} extra unread", text, fatal=False)

    def folders(self, folder: Path, names: FileNames, used: Collection[Path]) -> Findings:
        """Folders that hold such files, and are no place of the data set."""
        places = {parent for place in used for parent in (place, *place.parents)}
        for path in self._of(folder, names):
            if path not in places and (held := _held(path, names)):
                text = f"Folder {str(path)!r} is not looked into, and holds files such as {held!r}."
                yield Finding("folder unread", text, fatal=False)

    def counted(self, root: Path, stems: Collection[str]) -> dict[str, str]:
        """What is named like an image, by folder and ending, with one of them."""
        facts = {}
        for folder, names in self._entries:
            named = [path for path in self._of(folder, names) if names.id_of(path) in stems]
            endings = Counter(path.suffix or "without ending" for path in named)
            counts = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
            if named:
                facts[folder.relative_to(root).as_posix()] = f"{counts} (such as {named[0].name})"
        return facts

    def _of(self, folder: Path, names: FileNames) -> list[Path]:
        """Also of what was listed first: a folder may hold several things, each named its own way."""
        return [path for path in self._entries.get((folder, names), []) if path not in self._read]


def _why(path: Path, names: FileNames) -> str:
    if names.reads(path):
        return "is no file"  # but a folder, a pipe, a link to nothing
    if path.suffix.lower() in names.read:
        return f"is not read (file names are {names.pattern})"
    return f"is not read ({', '.join(ending.removeprefix('.') for ending in names.read)} are)"


def _held(path: Path, names: FileNames) -> str | None:
    try:
        entries = [entry.name for entry in islice(path.iterdir(), MOST_LOOKED)] if path.is_dir() else []
    except OSError:
        return None
    plain = (name for name in sorted(entries) if not name.startswith("."))
    return next((name for name in plain if names.reads(Path(name))), None)
