"""Data sets that can be fetched: where they lie, which of their files are wanted, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from benchmark.errors import UserError
from benchmark.optional_libraries import install_command


@dataclass(frozen=True)
class Source:
    """A data set on Hugging Face.

    ``files`` is a regular expression that the whole path of a wanted file matches; nothing else is fetched,
    least of all code. ``library`` reads the files and comes with the extra ``extra``.
    """

    name: str
    title: str
    repository: str
    revision: str
    files: str
    library: str
    extra: str
    terms: str


SOURCES: Mapping[str, Source] = {
    "nyud": Source(
        name="nyud",
        title="NYUD-v2 (13 classes, 288 x 384 pixels, about 3 GB)",
        repository="tanganke/nyuv2",
        revision="main",
        files=r"(data/)?(train|val)-[\w.-]+\.parquet",  # one folder deep, so that no name leads out of it
        library="pyarrow",
        extra="parquet",
        terms=(
            "NYU Depth Dataset V2 belongs to its authors: Silberman, Hoiem, Kohli and Fergus, Indoor "
            "Segmentation and Support Inference from RGBD Images, ECCV 2012. Cite them in what you "
            "publish.\nThe copy tanganke/nyuv2 on Hugging Face was made by somebody else. This project owns "
            "neither and grants no right to either: their terms say what you may do. Read them first, on\n"
            "  https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html\n"
            "  https://huggingface.co/datasets/tanganke/nyuv2"
        ),
    ),
}


def source_named(name: str) -> Source:
    """The source of this name. Raises UserError that lists those there are."""
    if name not in SOURCES:
        raise UserError(
            f"{name!r} cannot be fetched; there is: {', '.join(SOURCES)}. Others are got by hand "
            "(docs/datasets.md)."
        )
    return SOURCES[name]


def check_readable(source: Source) -> None:
    """Raises UserError where the library that reads these files is missing: better said before gigabytes."""
    if find_spec(source.library) is None:
        raise UserError(
            f"{source.name} as it is fetched needs {source.library} to be read: "
            f"{install_command(source.extra)} brings it."
        )
