"""Where the numbers were computed: versions, device, data, revision. Kept beside every result."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.plugins import BACKBONES, NETWORKS, Entry
from strategies.registry import Named, resolve

if TYPE_CHECKING:
    import torch

    from benchmark.data.dataset import MultiTaskDataset
    from benchmark.experiment.config import NetworkConfig
    from benchmark.networks.normalisation import Normalisation
    from benchmark.tasks.task import Task

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pandas", "mtal-benchmark")
#: What says of a folder where its rounds were computed, and may change between two runs.
MACHINE = ("device", "python", "platform", "revision", "packages")

#: A GPU as those plan with it who do not see it.
UNNAMED = "cuda"

#: What a precision of the recipe means, whatever torch's defaults are.
ARITHMETIC = {
    "fp32": "float32, without TF32",
    "tf32": "float32, with TF32 in the network's convolutions and matrix products on a GPU that has it",
    "bf16": "the network in bfloat16 autocast, losses in float32, without TF32",
}


def describe(
    network: NetworkConfig,
    normalisation: Normalisation,
    dataset: MultiTaskDataset,
    strategies: Sequence[str],
    device: torch.device,
    threads: int,
    deterministic: bool,
    weights: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What ``environment.json`` holds; ``weights`` tells pre-trained ones (``Bench.pretrained``)."""
    return {
        "data": {
            "name": dataset.name,
            "pool": len(dataset.train.ids),
            "val": len(dataset.val.ids),
            "digest": dataset.digest,
            **({"code": dataset.code} if dataset.code else {}),
            "facts": dict(dataset.facts),
        },
        "tasks": {task.name: _task(task) for task in dataset.tasks},
        "strategies": {named.name: _strategy(named) for named in map(resolve, strategies)},
        "network": _network(network),
        "normalisation": asdict(normalisation),
        "pretrained": dict(weights) if weights else None,
        "device": device_name(device),
        "threads": threads,
        "deterministic": deterministic,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "revision": revision(),
    }


def named_device(before: Any, now: str) -> str:
    """The device of now; where jobs elsewhere are yet to name their GPU, the one that a folder names."""
    is_gpu = isinstance(before, str) and before != "cpu"
    return before if now == UNNAMED and is_gpu else now


def earlier_machines(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Machines and versions other than these that a folder's rounds were computed with, oldest first."""
    stored = before.get("earlier")
    each = [*(stored if isinstance(stored, list) else []), _machine(before)]
    present = _machine(now)
    return [one for at, one in enumerate(each) if one and one != present and one not in each[:at]]


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {name: environment[name] for name in MACHINE if name in environment}


def _task(task: Task) -> dict[str, Any]:
    options = task.options.model_dump(mode="json")
    said = {"kind": task.kind, "weight": task.weight, "headline": task.headline, "options": options}
    return said | ({"better": dict(task.better), "code": task.code} if task.code else {})


def _network(config: NetworkConfig) -> dict[str, Any]:
    """The network and its backbone: name, source, and the code of one that is not built in."""
    found = NETWORKS.find(config.name), BACKBONES.find(config.backbone)
    known = {part: entry for part, entry in zip(("network", "backbone"), found, strict=True) if entry}
    return {part: _entry(entry) for part, entry in known.items()}


def _entry(entry: Entry) -> dict[str, Any]:
    said = {"name": entry.name, "source": entry.source}
    return said if entry.built_in else said | {"code": entry.digest}


def _strategy(named: Named) -> dict[str, Any]:
    entry = named.entry
    strategy = named.create()
    said = {"family": entry.family, "source": entry.source, "reference": strategy.reference}
    oracle = {"oracle": True} if "usefulness" in strategy.knows else {}
    return said | oracle | {"code": list(named.digests)}


def device_name(device: torch.device) -> str:
    """``cpu`` or the name of the GPU."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def revision() -> str | None:
    """The git revision of this source tree, with a plus sign where files differ from it; None without git."""
    root = Path(__file__).parents[2]
    head = _git(root, "rev-parse", "HEAD")
    return head and head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str | None:
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
