"""The container is set up by the README's own commands, from files that are there when they run."""

import fnmatch
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def steps():
    """(instruction, rest) of the Containerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def test_the_set_up_is_a_target_of_make_and_nothing_else():
    commands = [rest for name, rest in steps() if name == "RUN"]
    system, *ours = commands
    assert system.startswith("apt-get update")
    assert ours == ["make setup"]
    assert re.search(r"^setup:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_what_the_set_up_reads_is_copied_before_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    read = {"Makefile", "requirements.txt", "pyproject.toml", project["project"]["readme"]}
    read |= set(project["project"]["license-files"])
    read |= {one if one.endswith(".py") else f"{one}/__init__.py" for one in packages}
    order = steps()
    before = order[: order.index(("RUN", "make setup"))]
    copied = {source for name, rest in before if name == "COPY" for source in rest.split()[:-1]}
    assert read <= copied
    assert all((ROOT / source).exists() for source in copied)


def test_nothing_that_it_needs_is_left_out():
    left_out = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("#", "!", "")
    ]
    kept = {
        ".git",
        "Makefile",
        "README.md",
        "benchmark",
        "baselines",
        "strategies",
        "docs",
        "tests",
        "mkdocs.yml",
    }
    assert not {name for name in kept for pattern in left_out if fnmatch.fnmatch(name, pattern)}
