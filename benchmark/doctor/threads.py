"""Whether the threads of a run fit the cores that it may use, and the variables that say how many."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.doctor.finding import Finding, ok, warning
from benchmark.training.hardware.cores import Cores, threads_for

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def thread_findings(cores: Cores, environment: Mapping[str, str], threads: int | None) -> list[Finding]:
    """Whether the threads of a run fit (None: it names none), and the environment's variables."""
    wanted = threads or threads_for(environment.get(VARIABLES[0], ""), cores)
    found = f"{wanted} of {cores.usable} usable cores ({cores.there} in the machine)"
    advice = f"Give --threads {cores.usable} or fewer: more threads than cores wait for each other."
    fits = wanted <= cores.usable
    first = ok("threads", found) if fits else warning("threads", found, advice)
    odd = [f for name in VARIABLES if (f := _odd(name, environment.get(name, ""), cores))]
    return [first, *odd]


def _odd(name: str, value: str, cores: Cores) -> Finding | None:
    if not value or (value.isdecimal() and 1 <= int(value) <= cores.usable):
        return None
    found = f"{name} is {value!r}, with {cores.usable} usable cores"
    return warning(
        "threads",
        found,
        f"Unset {name}: a run takes as many threads as there are usable cores, or --threads.",
    )
