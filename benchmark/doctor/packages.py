"""Python and the packages: there, in the ranges that this project names, and made for each other."""

from __future__ import annotations

import operator
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from itertools import zip_longest
from typing import Any

from benchmark.doctor.finding import Finding, ok, problem, reason, warning
from benchmark.plugins import PluginRegistry
from mtal_benchmark import foreign, overwritten
from strategies.registration import registries

OURS = "mtal-benchmark"
AGAIN = "Install this project's requirements.txt anew, as `make setup` does."
COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def package_findings() -> list[Finding]:
    """All checks of this file, on this machine."""
    try:
        wanted, python = requires(OURS) or [], metadata(OURS)["Requires-Python"]
    except PackageNotFoundError:
        return [problem("packages", f"{OURS} itself is not installed", AGAIN)]
    found = [python_finding(platform.python_version(), python), *range_findings(wanted, installed)]
    return [*found, *own_findings(), *plugin_findings(), pair_finding(), faiss_finding()]


def own_findings() -> list[Finding]:
    """What is wrong with our own packages: another distribution that has overwritten files of theirs."""
    complaint = foreign() or overwritten()
    return [problem("packages", complaint.rstrip("."), "")] if complaint else []


def plugin_findings() -> list[Finding]:
    """Plug-ins of installed packages that failed to import, of whatever kind."""
    found = list[Finding]()
    for registry in registries():
        if isinstance(registry, PluginRegistry):
            registry.everything()
        found += [
            warning(
                "plug-ins", f"{name} of {registry.group} failed to import: {why}", "Mend or uninstall it."
            )
            for name, why in registry.broken.items()
        ]
    return found


def python_finding(found: str, wanted: str) -> Finding:
    """Whether this Python is one that the project takes."""
    if in_range(found, wanted):
        return ok("Python", found)
    return problem("Python", f"{found}, and {wanted} is needed", "Make the environment with another Python.")


def range_findings(requirements: Iterable[str], installed: Callable[[str], str | None]) -> list[Finding]:
    """One line for all packages in their range, and one for every other; extras are passed over.

    Of a package that only some machines need, its version is checked where it is there.
    """
    wrong, right = [], 0
    for name, wanted, marker in map(_parts, requirements):
        found = installed(name)
        if "extra" in marker or (marker and found is None):
            continue
        if found is not None and in_range(found, wanted):
            right += 1
        else:
            wrong.append(
                problem("packages", f"{name} {found or 'is missing'}, and {wanted} is needed", AGAIN)
            )
    return [*([ok("packages", f"{right} in the ranges of pyproject.toml")] if right else []), *wrong]


def in_range(found: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``>=2.11,<2.16``, by its numbers alone."""
    bounds = re.findall(r"(>=|<=|==|!=|>|<)\s*([\d.]+)", wanted)
    return all(COMPARE[sign](_compared(found, bound), 0) for sign, bound in bounds)


def installed(name: str) -> str | None:
    """The version that is there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def pair_finding(operation: Callable[[], Any] | None = None) -> Finding:
    """Whether torchvision's compiled half was made for this torch; by calling into it."""
    both = f"torch {installed('torch')}, torchvision {installed('torchvision')}"
    try:
        (operation or _suppression)()
    except Exception as error:  # a missing file, symbol or operator: there is no common type
        return problem(
            "torch",
            f"{both} do not work together ({reason(error)})",
            "Install both from the same registry, in versions that belong together.",
        )
    return ok("torch", both)


def faiss_finding(load: Callable[[], Any] | None = None) -> Finding:
    """Whether neighbours are found by faiss or by NumPy."""
    from strategies.kernels.neighbours import load_faiss

    found = (load or load_faiss)()
    if found is not None:
        return ok("faiss", str(found.__version__))
    return warning(
        "faiss",
        "cannot be imported; NumPy takes its place, slower and with the same answers",
        "Install faiss-cpu if pools are large and a strategy looks for neighbours.",
    )


def _suppression() -> None:
    import torch
    from torchvision.ops import nms  # type: ignore[import-untyped]

    nms(torch.zeros(1, 4), torch.zeros(1), 0.5)


def _parts(requirement: str) -> tuple[str, str, str]:
    """Name, range and marker of ``name>=1,<2; marker``."""
    text, _, marker = requirement.partition(";")
    match = re.match(r"\s*([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([^)]*)", text)
    name, wanted = match.groups() if match else (text, "")
    return name, wanted.strip(), marker.strip()


def _compared(one: str, other: str) -> int:
    """-1, 0 or 1, as the numbers of ``one`` come before, with or after those of ``other``."""
    pairs = zip_longest(_numbers(one), _numbers(other), fillvalue=0)
    return next((1 if a > b else -1 for a, b in pairs if a != b), 0)


def _numbers(text: str) -> list[int]:
    match = re.match(r"\d+(\.\d+)*", text)
    return [int(part) for part in match[0].split(".")] if match else []
