"""Refine: what stays in the pool, who proposes of what, and who chooses in the end."""

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies.contract import Probe, made_up_outputs
from strategies.probe import with_rng
from strategies.registry import RegistryError, resolve


def probed(options):
    probe = Probe(resolve(f"ensemble[{options}]"))
    return probe, probe.pool()


def alone(name, seed=0, budget=5):
    probe = Probe(resolve(name))
    return probe.choose(probe.pool(seed=seed), budget)


class Watched:
    """What is asked of an ensemble's strategies, in order."""

    def __init__(self, strategy, monkeypatch):
        self.asked, real = [], strategy.proposed_among

        def proposed_among(name, pool, some, budget):
            found = real(name, pool, some, budget)
            self.asked.append((name, set(some.tolist()), set(found.tolist()), pool))
            return found

        monkeypatch.setattr(strategy, "proposed_among", proposed_among)


def test_strategies_take_turns_and_each_stage_is_of_what_the_one_before_proposed(monkeypatch):
    named = resolve("ensemble[bases=core-set+margin,stages=3,batches=4,share=0.5]")
    pool, strategy = Probe(named).pool(), named.create()
    watched = Watched(strategy, monkeypatch)
    selection = strategy.select(pool, 3)
    assert [name for name, *_ in watched.asked] == ["core-set", "margin"] * 6
    left = set(pool.unlabelled.tolist())
    for at in range(0, 12, 4):
        stage = watched.asked[at : at + 4]
        for _, shown, found, part in stage:
            assert shown <= left
            assert len(shown) == max(3, -(-len(left) // 2))
            assert found <= shown
            assert part.labelled.tolist() == pool.labelled.tolist()
        assert len({tuple(sorted(shown)) for _, shown, *_ in stage}) > 1
        left = set.union(*(found for *_, found, _ in stage))
    assert set(selection.indices.tolist()) <= left
    assert selection.notes["left"] == len(left)


def test_shown_all_that_is_left_each_leaves_its_own_choice():
    options = "bases=margin+inconsistency,stages=1,batches=2,share=1"
    probe, pool = probed(options)
    chosen = probe.choose(pool, 5)
    union = {*alone("margin").indices.tolist(), *alone("inconsistency").indices.tolist()}
    assert chosen.notes["left"] == len(union)
    assert set(chosen.indices.tolist()) <= union
    single, pool = probed("bases=inconsistency,stages=4,batches=1,share=1,final=random")
    assert sorted(single.choose(pool, 5).indices) == sorted(alone("inconsistency").indices)


@pytest.mark.parametrize("final", ["cover", "random", "core-set", "inconsistency"])
def test_without_stages_it_is_the_final_strategys_choice(final):
    probe, pool = probed(f"final={final},stages=0")
    expected = alone(final, seed=4)
    found = probe.choose(with_rng(pool, 4))
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.notes["left"] == len(pool.unlabelled)


def test_more_stages_leave_fewer_images_and_never_fewer_than_are_wanted():
    left = []
    for stages in range(5):
        probe, pool = probed(f"bases=inconsistency+margin,stages={stages},batches=4,share=0.5")
        left.append(probe.choose(pool, 2).notes["left"])
    assert left == sorted(left, reverse=True)
    assert left[-1] < left[1] < left[0]
    assert left[-1] >= 2
    probe, pool = probed("stages=2,batches=2,bases=random,final=random")
    assert sorted(probe.choose(pool, 20).indices) == pool.unlabelled.tolist()


def test_what_is_of_value_to_nobody_goes_and_what_is_to_any_stays():
    """The images of highest score for one strategy or the other are what is left in the end."""
    options = "bases=inconsistency[task=depth]+inconsistency[task=normals],stages=12,batches=30,share=0.5"
    probe, pool = probed(f"{options},final=random")
    rows = {name.rpartition(": ")[2]: values for name, values in pool.rows.items() if "inconsist" in name}
    kept = probe.choose(pool, 2)
    best = {
        int(pool.unlabelled[np.argsort(-rows[task][pool.unlabelled])[at]])
        for task in ("depth", "normals")
        for at in range(8)
    }
    assert set(kept.indices.tolist()) <= best


def test_scores_and_loss_weights_are_those_of_the_final_strategy():
    probe, pool = probed("bases=random,final=inconsistency,stages=1,batches=2")
    np.testing.assert_array_equal(probe.choose(pool).scores, alone("inconsistency").scores)
    method = "consistency-diversity[representation=concat]"
    strategy = resolve(f"ensemble[bases=random,final={method}]").create()
    ranks = np.random.default_rng(0).random((5, 4))
    np.testing.assert_array_equal(strategy.loss_weights(ranks), resolve(method).create().loss_weights(ranks))
    outputs = made_up_outputs()
    assert strategy.maps(outputs).keys() == resolve(method).create().maps(outputs).keys()


def test_a_final_strategy_that_proposes_too_is_measured_once():
    strategy = resolve("ensemble[bases=random+cover[width=labelled]]").create()
    assert list(strategy.bases) == ["random", "cover[width=labelled]"]
    assert strategy.asked == ["random", "cover[width=labelled]"]
    assert list(resolve("ensemble").create().bases)[-1] == "cover[width=labelled]"
    assert resolve("ensemble").create().views == ("flip",)


def test_the_code_of_all_of_them_is_part_of_its_own():
    names = {entry.name for entry in resolve("ensemble[bases=badge+random,final=typiclust]").entries}
    assert names == {"ensemble", "badge", "random", "typiclust"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("stages=-1", "stages must be 0 or more"),
        ("batches=0", "batches at least 1"),
        ("share=0", "share over 0 and up to 1"),
        ("bases=random+random", "each once"),
        ("bases=learning-loss", "trains a module"),
        ("final=core-sett", "no strategy 'core-sett'"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(RegistryError, match=message):
        resolve(f"ensemble[{options}]").create()
