"""What else can run jobs, and is optional: Ray and SLURM."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping

from benchmark.doctor.finding import Finding, ok, warning
from benchmark.doctor.packages import installed


def engine_findings(
    environment: Mapping[str, str],
    version: Callable[[str], str | None] = installed,
    program: Callable[[str], str | None] = shutil.which,
) -> list[Finding]:
    """A line for each engine; one that is named or there in part, and cannot be used, is a warning."""
    return [_ray(environment.get("RAY_ADDRESS", ""), version("ray")), _slurm(version("submitit"), program)]


def _ray(address: str, found: str | None) -> Finding:
    cluster = f", RAY_ADDRESS is {address}" if address else ""
    if found is None and cluster:
        return warning("ray", f"not installed{cluster}", "Install the extra `cluster`, or unset RAY_ADDRESS.")
    return ok("ray", f"{found or 'not installed: jobs run one after the other here'}{cluster}")


def _slurm(submitit: str | None, program: Callable[[str], str | None]) -> Finding:
    missing = [name for name in ("sbatch", "srun") if program(name) is None]
    if len(missing) == 2:
        return ok("slurm", f"no sbatch on this machine{f'; submitit {submitit}' if submitit else ''}")
    if missing:
        return warning(
            "slurm", f"here in part: {missing[0]} is missing", "Load SLURM's own module of this cluster."
        )
    if submitit is None:
        advice = "Install the extra `slurm` for --engine slurm; mtal run-one needs nothing."
        return warning("slurm", "sbatch, and no submitit", advice)
    return ok("slurm", f"sbatch and submitit {submitit}")
