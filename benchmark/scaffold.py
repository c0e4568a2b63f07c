"""Write a new strategy file with its test; both work at once."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import UserError
from strategies.registry import RegistryError, entries, register

STRATEGY = '''"""{name}: say in a sentence which images it chooses, and why."""

from strategies import Outputs, register


@register("{name}", source="author & author, venue year")
def {function}(outputs: Outputs, power: float = 1.0):
    """Least confidence of the refined prediction: replace this by your own score.

    power: parameters with a default can be set by name, {name}[power=2].
    """
    uncertain = {{}}
    for task in outputs.categorical:
        confidence = outputs.refined[task].softmax(1).amax(1)  # B x H x W
        uncertain[task] = (1 - confidence).pow(power).mean((1, 2))  # one number per image
    return uncertain
'''
TEST = '''"""{name} keeps the contract that every strategy keeps. Run: pytest {test}"""

from pathlib import Path

import pytest

from strategies.contract import CLAUSES, Probe
from strategies.registry import resolve

FILE = Path(__file__).with_name("{file}")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_keeps_the_contract(clause):
    clause(Probe(resolve(f"{{FILE}}:{name}")))
'''


def write_strategy(name: str, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.py`` and ``test_NAME.py``. Raises UserError for a taken name or a file that is there."""
    _check_free(name)
    function = name.replace("-", "_")
    strategy, test = folder / f"{function}.py", folder / f"test_{function}.py"
    for path in (strategy, test):
        if path.exists():
            raise UserError(f"{path} is there already: give another name, or another --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    values = {"name": name, "function": function, "file": strategy.name, "test": test.name}
    strategy.write_text(STRATEGY.format(**values), encoding="utf-8")
    test.write_text(TEST.format(**values), encoding="utf-8")
    return strategy, test


def _check_free(name: str) -> None:
    if name in entries():
        raise UserError(f"Strategy name {name!r} is taken; names in use: {', '.join(entries())}.")
    if not name.replace("-", "_").isidentifier():
        raise UserError(
            f"Strategy name {name!r} must begin with a letter and hold letters, digits and hyphens."
        )
    try:
        register(name, source="")  # checks the name and registers nothing before it decorates
    except RegistryError as error:
        raise UserError(str(error)) from None
