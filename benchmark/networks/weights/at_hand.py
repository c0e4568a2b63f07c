"""Whether pre-trained weights can be had, before anything waits for them: a download tries for a minute."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from benchmark.errors import UserError
from benchmark.networks.weights.packaged import packaged_weights

if TYPE_CHECKING:
    from benchmark.experiment.config import NetworkConfig

FILES = ("model.safetensors", "pytorch_model.bin")
PATIENCE = 5.0  # seconds for a host to answer
PORTS = {"http": 80, "https": 443}


def check_weights(network: NetworkConfig) -> None:
    """Raises UserError where the weights that a network begins with are neither here nor to be had."""
    name, asked = network.backbone, network.pretrained
    if isinstance(asked, Path) and not asked.is_file():
        raise UserError(f"network.pretrained: there is no file {asked}; give a file of weights.")
    if asked is not True or _config(name) is None:  # no such model: the network itself says it better
        return
    if not (packaged_weights(name) or is_kept(name) or is_reached(name)):
        raise UserError(
            f"network.pretrained: the weights of {name} are neither on this machine nor to be had from it; "
            "start it once where there is a network and copy the cache (HF_HOME), or set network.pretrained "
            "to a file of weights or to false."
        )


def timms_own(backbone: str) -> str | None:
    """The name of the weights that timm has for a backbone; another version of it may have others."""
    config = _config(backbone)
    return config and (config.hf_hub_id or config.url or None)


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
    """Whether the host of the weights answers, or the proxy that leads to it."""
    from huggingface_hub import constants

    config = _config(backbone)
    if config is None or (config.hf_hub_id and constants.HF_HUB_OFFLINE):
        return False
    address = _way_to(urlsplit(constants.ENDPOINT if config.hf_hub_id else config.url or ""))
    if not address.hostname:
        return False
    try:
        port = address.port or PORTS.get(address.scheme, 443)
        socket.create_connection((address.hostname, port), PATIENCE).close()
    except (OSError, ValueError):
        return False
    return True


def _way_to(address: SplitResult) -> SplitResult:
    """The proxy that requests to an address go through, or else the address itself."""
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(address.hostname or ""):
        return address
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _config(backbone: str) -> Any | None:
    from timm.models import get_pretrained_cfg

    try:
        return get_pretrained_cfg(backbone)
    except RuntimeError:  # no such model: the run says it better
        return None
