"""Write a new file of a strategy, a network or another kind with its test; both work at once."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import packages_distributions
from pathlib import Path

from benchmark.authoring.templates.backbone import BACKBONE, BACKBONE_TEST
from benchmark.authoring.templates.dataset import DATASET, DATASET_TEST
from benchmark.authoring.templates.network import NETWORK, NETWORK_TEST
from benchmark.authoring.templates.task import TASK, TASK_TEST
from benchmark.errors import UserError
from benchmark.optional_libraries import OWN
from benchmark.plugins import BACKBONES, DATASETS, NETWORKS, TASKS
from strategies.registry import check_name

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


def _write(
    check: Callable[[str], None], text: str, of_test: str, name: str, folder: Path
) -> tuple[Path, Path]:
    """Write ``NAME.py`` and ``test_NAME.py``.

    Raises UserError for a file that is there or a name that no module can have, RegistryError for one that
    nothing of its kind can have, OSError for a folder that cannot be written to.
    """
    check(name)
    function = name.replace("-", "_")
    _check_module(function)
    file, test = folder / f"{function}.py", folder / f"test_{function}.py"
    for path in (file, test):
        if path.exists():
            raise UserError(f"{path} is there already: give another name, or another --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    title = "".join(word.capitalize() for word in function.split("_"))
    values = {"name": name, "function": function, "title": title, "file": file.name, "test": test.name}
    file.write_text(text.format(**values), encoding="utf-8")
    test.write_text(of_test.format(**values), encoding="utf-8")
    return file, test


#: Each takes a name and a folder: see ``_write``.
write_strategy = partial(_write, check_name, STRATEGY, TEST)
write_network = partial(_write, NETWORKS.check_name, NETWORK, NETWORK_TEST)
write_backbone = partial(_write, BACKBONES.check_name, BACKBONE, BACKBONE_TEST)
write_task = partial(_write, TASKS.check_name, TASK, TASK_TEST)
write_dataset = partial(_write, DATASETS.check_name, DATASET, DATASET_TEST)
WRITERS = {
    "strategy": write_strategy,
    "network": write_network,
    "backbone": write_backbone,
    "task": write_task,
    "dataset": write_dataset,
}


def _check_module(name: str) -> None:
    """Refuse what hides an installed module; a file that only lies in the current folder hides nothing.

    Our own packages are asked for by name: an editable installation lists no files.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UserError(f"{name!r} cannot name a Python function: begin with a letter, and use no keyword.")
    if name in OWN or name in sys.stdlib_module_names or name in packages_distributions():
        raise UserError(f"{name}.py would hide the Python module {name}: give another name.")
