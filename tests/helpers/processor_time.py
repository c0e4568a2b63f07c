"""Processor time of commands, in units of the machine that they run on.

A second says something of one machine; a command that only looks, set against what importing pandas and SciPy
takes there (a second, or two on a busy machine), says the same on all.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORTS = "import pandas, scipy.optimize, scipy.special"


def in_imports(
    code: str,
    *arguments: str | Path,
    limit: float,
    ends: str = "",
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> float:
    """The first of four ratios below a limit, or the least: a neighbour's load costs time too.

    Python runs ``code`` with the ``arguments``, and its start is counted, in both. It must end well, print
    something, and with the lines that it ``ends`` with.
    """

    def ratio() -> float:
        output, seconds = _run(code, *arguments, cwd=cwd, env=env or {})
        assert output.strip()
        assert output.endswith(ends)
        return seconds / _run(IMPORTS, cwd=ROOT, env={})[1]

    ratios = [ratio()]
    while ratios[-1] >= limit and len(ratios) < 4:
        ratios.append(ratio())
    return min(ratios)


def _run(code: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str]) -> tuple[str, float]:
    """What it printed, and its processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
