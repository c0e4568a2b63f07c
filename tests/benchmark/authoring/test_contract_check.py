"""``mtal check``: a line for every clause, and the reason when one is broken."""

from pathlib import Path

import pytest

import baselines  # noqa: F401
from benchmark.authoring.contract_check import check_file
from benchmark.errors import UserError
from strategies.contract import CLAUSES
from strategies.registry import RegistryError

HEAD = """
import numpy as np
import torch
from strategies import Selection, ScoreStrategy, Strategy, register

"""
SOUND = """
@register("sound-{n}", source="test")
def score(outputs):
    return {{t.name: outputs.refined[t.name].std((1, 2, 3)) for t in outputs.tasks}}
"""


def checked(tmp_path, content, name="checked.py"):
    file = tmp_path / name
    file.write_text(HEAD + content)
    return check_file(file)


def test_a_sound_file_has_one_line_a_clause(tmp_path):
    text, passed = checked(tmp_path, SOUND.format(n=1))
    assert passed
    assert text.splitlines() == [
        "sound-1",
        *(f"  ok      {clause.__name__.replace('_', ' ')}" for clause in CLAUSES),
        "sound-1 keeps the contract.",
    ]


def test_every_strategy_of_a_file_is_checked(tmp_path):
    bad = '@register("broken", source="test")\nclass B(Strategy):\n    pass\n'
    text, passed = checked(tmp_path, SOUND.format(n=1) + SOUND.format(n=2) + bad)
    assert not passed
    for line in ("sound-1 keeps the contract.", "sound-2 keeps the contract.", "broken breaks the contract."):
        assert line in text.splitlines()
    assert "B must define select(pool, budget)" in text


STRATEGY = """
@register("broken", source="test")
class Broken(Strategy):
    def measure(self, outputs):
        return {{"value": {measure}}}

    def select(self, pool, budget):
        value = np.asarray(pool.rows["value"], np.float64)
        {select}
        return Selection({selection})
"""
MEASURE = "outputs.refined[outputs.tasks[0].name].std((1, 2, 3))"
SELECT = (
    "order = np.lexsort((pool.rng.random(len(value)), -value)); best = order[np.isin(order, pool.unlabelled)]"
)

STATE = "    def state_dict(self):\n        return {'a': {1, 2}}"
WEIGHTS = "    def loss_weights(self, ranks):\n        return -ranks"
COMPANION = "    def companion(self, shapes):\n        raise RuntimeError('no module')"


#: Found in the frames of its callers: to look through all objects of a process takes a second a batch.
MEMORY = """
    def measure(self, outputs):
        import sys
        frame = sys._getframe()
        while frame := frame.f_back:
            for module in frame.f_locals.values():
                if type(module).__name__ == "MadeUpNetwork":
                    with torch.no_grad():
                        module.predict["depth"].weight.zero_()
        return {"value": outputs.refined[outputs.tasks[0].name].std((1, 2, 3))}
"""


def variant(measure=MEASURE, select=SELECT, selection="best[:budget]", more=""):
    return STRATEGY.format(measure=measure, select=select, selection=selection) + more


@pytest.mark.parametrize(
    ("content", "clause", "reason"),
    [
        (variant(selection="list(best[:budget])[:-1]"), "chooses the budget", "not 1 positions"),
        (variant(selection="np.argsort(-value)[-budget:]"), "chooses the budget", "labelled already"),
        (variant(selection="best[:budget], value[:, None]"), "chooses the budget", "images x tasks"),
        (
            variant().replace("Selection(best[:budget])", "best[:budget]"),
            "chooses the budget",
            "returned ndarray, not a Selection",
        ),
        (variant(select="best = pool.unlabelled"), "breaks ties at random", "place in the pool"),
        (
            variant(select="best = np.random.default_rng().permutation(pool.unlabelled)"),
            "answers the same for the same seed",
            "pool.rng",
        ),
        (
            variant(measure=f"{MEASURE} - {MEASURE}.mean()"),
            "measures without regard to the batch",
            "'value' of an image changes with its batch",
        ),
        (variant(measure="torch.zeros(3)"), "measures one row per image", "3 rows for a batch of 8 images"),
        (variant(measure="torch.tensor(1.0)"), "measures one row per image", "no rows for a batch of 8"),
        (
            variant(measure="3"),
            "measures one row per image",
            "returned int (3) as 'value'; it must be a tensor",
        ),
        (variant(measure=f"{MEASURE} + 1j"), "measures one row per image", "type torch.complex64 as 'value'"),
        (
            variant().replace('return {"value"', 'return "value", {"value"'),
            "measures one row per image",
            "measure returned tuple",
        ),
        (
            variant(measure=f"torch.rand(len({MEASURE}))"),
            "measures without regard to the batch",
            "outputs.rngs for all randomness",
        ),
        (
            variant(
                selection="best[:budget], None, np.arange(budget * len(pool.tasks)).reshape(budget, -1) > 0"
            ),
            "chooses the budget",
            "whole images are what it buys: leave Selection.tasks out",
        ),
        (
            variant(more=MEMORY),
            "leaves the network and later batches alone",
            "changed",
        ),
        (variant(measure=f"{MEASURE} / 0"), "measures one row per image", "not finite"),
        (variant(measure=f"{MEASURE}.nan_to_num()"), "never hides a broken network", "finite numbers"),
        (variant(select=SELECT + "; pool.labelled[0]"), "works with nothing labelled", "IndexError"),
        (
            variant(select=SELECT + "; np.ones((len(value), len(value)))"),
            "selects in bounded memory",
            "selection among 4000 images took 12",
        ),
        (variant(more=STATE), "remembers what json can hold", "set"),
        (variant(more=WEIGHTS), "weighs losses fairly", "negative"),
        (variant(more=WEIGHTS + "[:1]"), "weighs losses fairly", "shape"),
        (variant(more=COMPANION), "measures one row per image", "no module"),
    ],
)
def test_every_clause_notices_what_it_is_for(tmp_path, content, clause, reason):
    text, passed = checked(tmp_path, content)
    assert not passed
    line = next(line for line in text.splitlines() if clause in line)
    assert line.startswith(f"  BROKEN  {clause}: ")
    assert reason in line
    assert text.endswith("broken breaks the contract.")


def test_one_cause_is_one_line_with_the_place(tmp_path):
    """A function that scores pixels fails in every clause that measures, with batches of several sizes."""
    text, passed = checked(
        tmp_path,
        '@register("dense", source="test")\ndef dense(outputs):\n'
        "    return {t.name: outputs.refined[t.name].abs().mean(1) for t in outputs.tasks}\n",
    )
    assert not passed
    assert text.count("BROKEN") == 1
    assert text.count("must be one number per image, not (8, 16, 12)") == 1
    (others,) = [line for line in text.splitlines() if "for the same reason" in line]
    assert "chooses the budget, " in others
    text, _ = checked(tmp_path, variant(measure="1 / 0"), "again.py")
    assert "ZeroDivisionError: division by zero (line 10)\n" in text
    assert text.count("BROKEN") == 1


@pytest.mark.parametrize(
    "body",
    [
        "outputs.refined['depth'].mean((1, 2, 3))",
        "outputs.refined['depth'].mean((1, 2, 3)).bfloat16()",
        "torch.tensor([rng.random() for rng in outputs.rngs])",
        "torch.tensor([float(image[-2:]) for image in outputs.ids])",
    ],
)
def test_a_score_of_the_whole_image_a_half_one_and_one_by_stream_or_id_are_fine(tmp_path, body):
    only_depth = "    if 'depth' not in outputs.refined:\n        raise ValueError('depth is needed')\n"
    text, passed = checked(
        tmp_path, f'@register("plain", source="test")\ndef plain(outputs):\n{only_depth}    return {body}\n'
    )
    broken = [line for line in text.splitlines() if "BROKEN" in line]
    assert all("hides a broken network" in line or "breaks ties" in line for line in broken), text
    assert passed or "rng" in body or "ids" in body


def test_a_file_that_is_loaded_already_is_checked_all_the_same(tmp_path):
    first = checked(tmp_path, SOUND.format(n=7))
    assert check_file(tmp_path / "checked.py") == first


def test_a_well_behaved_variant_passes(tmp_path):
    """So that what the clauses above notice is the change, not the rest of the file."""
    text, passed = checked(tmp_path, variant())
    assert passed, text


def test_a_file_without_a_strategy_and_one_that_fails_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"registers nothing: decorate a strategy with @register"):
        checked(tmp_path, "")
    with pytest.raises(RegistryError, match="ZeroDivisionError"):
        checked(tmp_path, "1 / 0", "fails.py")


def test_all_that_a_file_registers_is_checked_or_one_by_name(tmp_path):
    network = (Path(__file__).parents[1] / "networks" / "own_network.py").read_text()
    file = tmp_path / "both.py"
    file.write_text(network + HEAD + SOUND.format(n=3))
    text, passed = check_file(file)
    assert passed, text
    kept = [line for line in text.splitlines() if line.endswith("keeps the contract.")]
    assert kept == [f"{name} keeps the contract." for name in ("sound-3", "my_net", "my_backbone")]
    text, passed = check_file(file, "my_net")
    assert text.splitlines()[0] == "my_net"
    assert "sound-3" not in text
    with pytest.raises(UserError, match="registers no 'my-net'; it registers sound-3, my_net, my_backbone"):
        check_file(file, "my-net")
