"""The GPUs: seen by torch, within what it was built for, with memory free."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.doctor.finding import Finding, ok, problem, warning
from benchmark.training.hardware.devices import unopened, usable_gpus
from benchmark.words import amount_of_bytes

DRIVER = Path("/proc/driver/nvidia/version")
LITTLE = 2e9  # bytes: less holds no network of the presets for GPUs


@dataclass(frozen=True)
class Gpu:
    """One device as torch sees it. Memory is in bytes; the capability is NVIDIA's two numbers.

    ``shut`` says why it cannot be opened, if it cannot; its memory then is not known.
    """

    name: str
    free: float
    total: float
    capability: tuple[int, int]
    bf16: bool
    shut: str = ""


@dataclass(frozen=True)
class Devices:
    """All devices, what torch was built for, whether a driver is there, and what torch said of it."""

    gpus: tuple[Gpu, ...]
    cuda: str | None
    built_for: tuple[str, ...]
    driver: bool
    said: str = ""


def devices_here() -> Devices:
    """What torch sees on this machine."""
    import torch

    usable = usable_gpus()
    driver = DRIVER.exists() or shutil.which("nvidia-smi") is not None or usable.listed > 0
    built_for = tuple(torch.cuda.get_arch_list())
    return Devices(tuple(map(_gpu, range(usable.gpus))), torch.version.cuda, built_for, driver, usable.said)


def _gpu(index: int) -> Gpu:
    import torch

    capability = torch.cuda.get_device_capability(index)
    name, bf16 = torch.cuda.get_device_name(index), capability >= (8, 0)
    if (why := unopened(torch.device("cuda", index))) is not None:
        return Gpu(name, 0, 0, capability, bf16, why)
    free, total = torch.cuda.mem_get_info(index)
    return Gpu(name, free, total, capability, bf16)


def device_findings(devices: Devices, device: str = "auto", precision: str = "fp32") -> list[Finding]:
    """A line for each GPU, or one for none, against the ``device`` and ``precision`` that are wanted."""
    if not devices.gpus:
        return [_without(devices, device)]
    return [_finding(gpu, devices, index, precision) for index, gpu in enumerate(devices.gpus)]


def _without(devices: Devices, device: str) -> Finding:
    if devices.driver and devices.cuda:
        found = (
            f"a driver, and no GPU that torch (CUDA {devices.cuda}) can use ({devices.said or 'no reason'})"
        )
        advice = "Update the driver, or check CUDA_VISIBLE_DEVICES; without, everything runs on the CPU."
    elif devices.driver:
        found, advice = "a driver, and torch is built for the CPU alone", "Install a torch with CUDA."
    else:
        found, advice = "no GPU: everything runs on the CPU", "Choose device cpu, or a machine with a GPU."
    if device.startswith("cuda"):
        return problem("device", found, advice)
    return warning("device", found, advice) if devices.driver else ok("device", found)


def _finding(gpu: Gpu, devices: Devices, index: int, precision: str) -> Finding:
    if gpu.shut:
        advice = "See with nvidia-smi what holds it, or choose another device (--device cuda:N or cpu)."
        return problem("device", f"{index}: {gpu.name}, which cannot be opened ({gpu.shut})", advice)
    major, minor = gpu.capability
    half = "bf16" if gpu.bf16 else "no bf16"
    memory = f"{amount_of_bytes(gpu.free)} free of {amount_of_bytes(gpu.total)}"
    found = f"{index}: {gpu.name}, {memory}, compute capability {major}.{minor}, {half}"
    if not supported(gpu.capability, devices.built_for):
        built_for = ", ".join(devices.built_for)
        advice = f"Install a torch that is built for it (this one: {built_for})."
        return problem("device", f"{found}, for which this torch has no code", advice)
    if precision == "bf16" and not gpu.bf16:
        return warning("device", found, "Set recipe.precision to fp32: this GPU computes bf16 very slowly.")
    if gpu.free < LITTLE:
        return warning("device", found, "See with nvidia-smi what holds its memory, or choose another GPU.")
    return ok("device", found)


def supported(capability: tuple[int, int], built_for: Sequence[str]) -> bool:
    """Whether there is code for it: of its generation and no newer, or of any age in a form to translate."""
    return not built_for or any(_runs(name, capability) for name in built_for)


def _runs(name: str, capability: tuple[int, int]) -> bool:
    """``name`` is as torch has it: ``sm_90`` for a finished form, ``compute_90`` for one to translate."""
    kind, _, digits = name.partition("_")
    number = int("".join(filter(str.isdigit, digits)) or 0)
    built = number // 10, number % 10
    return built <= capability and (kind == "compute" or built[0] == capability[0])
