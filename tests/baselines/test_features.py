"""The vectors of strategies of diversity: of which features they are, and standardised."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines._features import pooled, standardised
from strategies.contract import Probe, made_up_outputs
from strategies.registry import RegistryError, resolve

FEATURES = ["backbone", "trunk", "tasks"]
TAKING = ["typiclust", "probcover", "max-herding", "k-means", "core-set", "cluster-random", "drop-query"]
MODIFIERS = ["cover", "stratified", "density"]


def expected_of(outputs):
    """What each name stands for, in float64."""
    stages = {"backbone": outputs.backbone_features, "trunk": outputs.trunk_features}
    found = {name: [each.double().numpy().mean((2, 3)) for each in maps] for name, maps in stages.items()}
    tasks = [outputs.task_features[task.name].double().numpy().mean((2, 3)) for task in outputs.tasks]
    found["tasks"] = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in tasks]
    return {name: np.concatenate(parts, 1) for name, parts in found.items()}


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("name", [*TAKING, *MODIFIERS, "lcmd"])
def test_every_strategy_of_features_sees_those_it_is_told_to(name, features):
    outputs = made_up_outputs()
    named = resolve(f"{name}[features={features}]")
    rows = Probe(named).measured(outputs)
    (vector,) = (rows[row] for row in rows if "vector" in row or "features" in row)
    np.testing.assert_allclose(vector, expected_of(outputs)[features], atol=1e-6)
    assert named.create().frozen_trunk == (features == "trunk")


@pytest.mark.parametrize("name", [*TAKING, *MODIFIERS])
def test_the_backbones_are_the_default(name):
    assert resolve(f"{name}[features=backbone]").name == name
    with pytest.raises(RegistryError, match="features must be backbone or trunk or tasks"):
        resolve(f"{name}[features=network]")


def test_a_modifier_of_one_that_reads_the_trunk_does_too():
    for name in ("pareto[base=density[features=trunk]]", "cover[base=density[features=trunk]]"):
        assert resolve(name).create().frozen_trunk
    assert not resolve("pareto[base=density]").create().frozen_trunk


def test_without_a_frozen_trunk_there_are_no_features_of_it():
    outputs = replace(made_up_outputs(), trunk_features=())
    with pytest.raises(ValueError, match="features=trunk reads the maps of a frozen trunk"):
        pooled(outputs, "trunk")
    assert pooled(outputs, "backbone").shape == (24, 12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(-100, 100), st.floats(0.01, 100))
def test_every_column_has_mean_0_and_variance_1(seed, count, offset, scale):
    vectors = np.random.default_rng(seed).standard_normal((count, 3)) * scale + offset
    found = standardised(vectors).astype(np.float64)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(0), 1, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 12345.678])
def test_a_column_of_equal_numbers_is_0_whatever_they_are(value):
    vectors = np.full((25, 2), value, np.float32)
    vectors[:, 1] = np.arange(25)
    found = standardised(vectors)
    assert not found[:, 0].any()
    assert np.ptp(found[:, 1]) > 3


def test_equal_rows_stay_equal_and_one_row_is_0():
    vectors = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    found = standardised(vectors[[0, 1, 0, 2, 3, 0]])
    assert (found[[0, 0]] == found[[2, 5]]).all()
    assert not standardised(vectors[:1]).any()


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="row 2"):
        standardised(np.array([[0], [1], [np.nan]]))
