"""Several strategies asked together answer as each does alone."""

import numpy as np
import pytest
import torch

import baselines  # noqa: F401 - registers the built-in strategies
from strategies import StrategyNames, register
from strategies.ensemble import Ensemble
from strategies.interface import Strategy
from strategies.probe import LABELLED, Probe, made_up_outputs, pool_of, shown
from strategies.registry import RegistryError, resolve

NAMES = "entropy+core-set+power[base=density]+known-groups"


class FirstOf(Ensemble):
    """What the first proposes."""

    def __init__(self, bases: StrategyNames = StrategyNames(NAMES)):  # noqa: B008
        super().__init__(bases)

    def select(self, pool, budget):
        raise AssertionError("not asked")


@pytest.fixture
def first_of():
    register("first-of", source="a test")(FirstOf)
    return resolve("first-of")


def test_each_measures_and_proposes_as_it_does_alone(first_of):
    ensemble, probe = first_of.create(), Probe(first_of)
    outputs = made_up_outputs()
    rows = probe.measured(outputs)
    for name in ensemble.bases:
        alone = Probe(resolve(name))
        own = alone.measured(outputs)
        for row, values in own.items():
            np.testing.assert_array_equal(rows[f"{name}: {row}"], values)
        pools = (pool_of(ensemble, outputs.tasks, rows, 24, LABELLED, 3), alone.pool(outputs, seed=3))
        together, single = ensemble.proposed(name, pools[0], 5), alone.choose(pools[1], 5).indices
        assert together.tolist() == single.tolist()
    assert len(rows) == sum(len(Probe(resolve(name)).measured(outputs)) for name in ensemble.bases)


def test_it_sees_and_knows_what_they_do_together(first_of):
    ensemble = first_of.create()
    assert (ensemble.views, ensemble.reference, ensemble.knows) == (("flip",), True, ("groups",))
    assert not ensemble.frozen_trunk
    assert FirstOf(StrategyNames("random+core-set[features=trunk]")).frozen_trunk
    entries = [entry.name for entry in first_of.entries]
    assert entries == ["first-of", "entropy", "core-set", "noisy", "density", "inconsistency", "known-groups"]


def test_one_score_an_image_is_one_of_every_task():
    @register("plain-score", source="a test")
    def plain_score(outputs):
        return outputs.backbone_features[0].mean((1, 2, 3))

    ensemble, outputs = FirstOf(StrategyNames("plain-score")), made_up_outputs()
    rows = ensemble.measure(shown(outputs, ensemble, None))
    assert len(rows) == len(outputs.tasks)
    assert all(torch.equal(each, outputs.backbone_features[0].mean((1, 2, 3))) for each in rows.values())


@pytest.mark.parametrize(
    ("bases", "words"),
    [
        ("entropy+entropy", "each once"),
        ("", "joined by"),
        ("random+learning-loss", "learning-loss trains a module"),
        ("power[base=learning-loss]", "trains a module"),
        ("entropi", "entropi"),
    ],
)
def test_what_cannot_be_asked_together_is_refused(bases, words):
    with pytest.raises((ValueError, RegistryError), match=words):
        FirstOf(StrategyNames(bases))


def test_what_one_refuses_is_refused_by_its_name(first_of):
    depth = made_up_outputs().tasks[2]
    with pytest.raises(ValueError, match="margin: there is a score for categorical"):
        FirstOf(StrategyNames("random+margin")).check((depth,))


def test_each_remembers_for_itself():
    class Counting(Strategy):
        seen = 0

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

    register("counting", source="a test")(Counting)
    one, two = (FirstOf(StrategyNames("random+counting")) for _ in range(2))
    one.bases["counting"].seen = 3
    two.load_state_dict(one.state_dict())
    assert two.bases["counting"].seen == 3
