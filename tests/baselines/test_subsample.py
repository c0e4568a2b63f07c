"""A base that is shown a random part of the pool: what it sees, and what is left as it was."""

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies import ScoreStrategy, Selection, Strategy, register
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Shapes
from strategies.probe import with_rng
from strategies.registry import RegistryError, resolve
from strategies.score_normalisation import ranks

BASES = ["random", "core-set", "max-herding", "entropy", "power[base=margin]", "badge", "typiclust"]


class Watching(Strategy):
    """Takes the first images, and keeps what it was shown."""

    def select(self, pool, budget):
        self.shown = pool
        return Selection(pool.unlabelled[:budget])


def watching(size):
    strategy = resolve(f"subsample[base=random,size={size}]").create()
    strategy.follow(Watching())
    return strategy


def probed(name):
    probe = Probe(resolve(name))
    return probe, probe.pool()


@pytest.mark.parametrize("base", BASES)
def test_the_choice_is_the_bases_from_the_images_drawn(base):
    probe, pool = probed(f"subsample[base={base},size=9]")
    found = probe.choose(with_rng(pool, 3)).indices
    rng = np.random.default_rng(3)
    drawn = np.sort(rng.choice(pool.unlabelled, 9, replace=False))
    there = np.sort(np.concatenate([pool.labelled, drawn]))
    part = type(pool)(**{**vars(pool.at(there)), "rng": rng})
    assert found.tolist() == there[resolve(base).create().select(part, 5).indices].tolist()
    assert set(found) <= set(drawn)


@pytest.mark.parametrize("base", BASES)
def test_of_a_pool_that_is_not_larger_it_is_the_bases_choice(base):
    probe, pool = probed(f"subsample[base={base},size=20]")
    expected = Probe(resolve(base)).choose(with_rng(pool, 1)).indices
    assert probe.choose(with_rng(pool, 1)).indices.tolist() == expected.tolist()


def test_all_labelled_images_are_shown_and_so_many_others():
    _, pool = probed("subsample[base=core-set]")
    strategy = watching(7)
    chosen = strategy.select(pool, 3).indices
    shown = strategy.base.shown
    assert len(shown.unlabelled) == 7
    assert [shown.ids[i] for i in shown.labelled] == [pool.ids[i] for i in pool.labelled]
    assert [pool.ids[i] for i in chosen] == [shown.ids[i] for i in shown.unlabelled[:3]]
    for at, image in enumerate(shown.ids):
        np.testing.assert_array_equal(
            shown.rows["vector"][at], pool.rows["vector"][pool.ids.index(image)], err_msg=image
        )
    watching(2).select(pool, 5)
    strategy.select(pool, 12)
    assert len(strategy.base.shown.unlabelled) == 12, "never fewer than are wanted"


def test_every_image_is_as_likely_to_be_shown_and_others_in_every_round():
    _, pool = probed("subsample[base=core-set]")
    counts = np.zeros(len(pool.ids))
    for seed in range(400):
        counts[watching(5).select(with_rng(pool, seed), 5).indices] += 1
    assert (counts[pool.labelled] == 0).all()
    assert (np.abs(counts[pool.unlabelled] - 100) < 45).all()  # a standard deviation is 8.7


def test_scores_of_a_strategy_of_scores_are_its_own_of_all_images():
    for base in ("entropy", "density", "cover"):
        probe, pool = probed(f"subsample[base={base},size=8]")
        expected = Probe(resolve(base)).choose(pool).scores
        np.testing.assert_array_equal(probe.choose(with_rng(pool, 2)).scores, expected)


def test_of_another_one_ranks_among_all_are_those_among_the_images_shown():
    name = "consistency-diversity[representation=concat]"
    probe, pool = probed(f"subsample[base={name},size=10]")
    found = probe.choose(with_rng(pool, 2))
    raw = Probe(resolve(name)).choose(pool).scores
    drawn = np.sort(np.random.default_rng(2).choice(pool.unlabelled, 10, replace=False))
    np.testing.assert_array_equal(found.scores[drawn], raw[drawn])
    among_all = ranks(found.scores[pool.unlabelled])[np.searchsorted(pool.unlabelled, drawn)]
    assert np.abs(among_all - ranks(raw[drawn])).max() < 0.1
    assert probe.named.create().loss_weights(among_all) == pytest.approx(
        resolve(name).create().loss_weights(among_all)
    )


def test_all_else_is_the_bases():
    learning = resolve("subsample[base=learning-loss,size=5]").create()
    shapes = Shapes(TASKS, dict.fromkeys([task.name for task in TASKS], 6), (4, 8))
    assert learning.companion(shapes) is not None
    assert resolve("subsample[base=entropy]").create().views == ("flip",)
    assert resolve("subsample[base=core-set[features=trunk]]").create().frozen_trunk
    control = resolve("subsample[base=known-groups,size=5]").create()
    assert control.reference
    assert control.knows == ("groups",)
    assert resolve("subsample[base=replay]").create().required == ("from",)
    with pytest.raises(ValueError, match="there is no such task"):
        resolve("subsample[base=entropy[task=x]]").create().check(TASKS)
    outputs = made_up_outputs()
    maps, expected = (resolve(n).create().maps(outputs) for n in ("subsample[base=margin]", "margin"))
    assert maps.keys() == expected.keys()
    assert resolve("subsample[base=entropy]").digests[1] == resolve("entropy").entry.digest


def test_memory_is_the_bases():
    @register("counting", source="test")
    class Counting(ScoreStrategy):
        seen = 0

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

    strategy = resolve("subsample[base=counting]").create()
    strategy.load_state_dict({"seen": 4})
    assert strategy.state_dict() == {"seen": 4}


def test_one_score_an_image_is_taken_as_that_of_every_task():
    @register("brightness", source="test")
    def brightness(outputs):
        return outputs.backbone_features[0].mean((1, 2, 3))

    probe, pool = probed("subsample[base=brightness,size=6]")
    assert set(pool.rows) == {task.name for task in TASKS}
    assert len(probe.choose(pool).indices) == 5


def test_what_weighs_its_draws_by_their_probability_is_refused():
    for name in ("softmax[weighting=lure]", "consistency-diversity[select=draw,weighting=lure]"):
        for whole in (f"subsample[base={name}]", f"ensemble[final={name}]"):
            with pytest.raises(RegistryError, match="how likely each was to be drawn"):
                resolve(whole).create()
    resolve("ensemble[bases=softmax[weighting=lure]]").create()  # it proposes, and is not weighed


def test_what_cannot_be_is_refused():
    with pytest.raises(RegistryError, match="size must be at least 1, not 0"):
        resolve("subsample[size=0]").create()
    with pytest.raises(RegistryError, match="no strategy 'entropi'"):
        resolve("subsample[base=entropi]")
