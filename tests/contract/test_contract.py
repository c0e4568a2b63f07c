"""The contract over the whole registry, and over variants that exercise every option of the method."""

import re

import pytest
import torch

import baselines  # noqa: F401
from strategies import distillation
from strategies.clauses import broken
from strategies.contract import (
    CLAUSES,
    Probe,
    breaks_ties_at_random,
    chooses_the_budget,
    maps_every_image_by_itself,
    works_with_any_one_task,
)
from strategies.interface import Pool, Selection, Strategy
from strategies.parameters import parameters_of
from strategies.registry import Entry, Named, entries, names, resolve

VARIANTS = [
    "consistency-diversity[measure=loss]",
    "consistency-diversity[categorical=kl,binary=weighted,scalar=relative,direction=l1,scales=mean]",
    "consistency-diversity[binary=difference,normalise=zscore]",
    "consistency-diversity[normalise=minmax,representation=concat]",
    "consistency-diversity[representation=pca,dimensions=3,pooling=inconsistency]",
    "consistency-diversity[pooling=inconsistency]",
    "consistency-diversity[select=filter,keep=2]",
    "consistency-diversity[select=cover]",
    "consistency-diversity[representation=patches]",
    "consistency-diversity[representation=patches,patches=2,select=cover,dimensions=9]",
    "consistency-diversity[representation=patches,select=filter,patches=2]",
    "consistency-diversity[power=0]",
    "consistency-diversity[weighting=none]",
    "consistency-diversity[gain=1]",
    "consistency-diversity[select=draw,weighting=lure]",
    "consistency-diversity[select=random,weighting=lure]",
    "inconsistency[measure=loss]",
    "mc-dropout[passes=3]",
    "mc-dropout[passes=2,task=normals]",
    "power[base=margin]",
    "power[base=density[base=least-confidence]]",
    "softmax[base=entropy[task=depth]]",
    "power[weighting=lure]",
    "soft-rank[base=margin,weighting=lure]",
    "lcmd[features=backbone]",
    "class-stratified[base=inconsistency,share=1]",
    "noris[base=entropy]",
    "partial[base=inconsistency]",
    "partial[base=least-confidence]",
    "one-task[task=depth]",
    "consistency-diversity-pairs[power=0]",
    "consistency-diversity-pairs[measure=loss,weighting=none]",
    "core-set[shards=3]",
    "soft-rank[base=flip-consistency,beta=2]",
    "aggregate[how=rank]",
    "aggregate[how=rrf,base=margin]",
    "density[base=entropy]",
    "density[base=learning-loss,power=2]",
    "density[base=true-loss,task=saliency]",
    "badge[labelled=true]",
    "cluster-random[strata=3]",
    "core-set[features=trunk]",
    "core-set[level=patch]",
    "core-set[level=patch,patches=3,features=tasks]",
    "cover[features=trunk,power=2]",
    "k-means[features=tasks]",
    "cover[base=entropy,width=labelled]",
    "known-classes[order=common]",
    "known-groups[order=packed]",
    "max-herding[bandwidth=0.5]",
    "probcover[delta=0.5,features=tasks]",
    "probcover[purity=1,clusters=3]",
    "stratified[base=entropy,strata=3]",
    "stratified[within=random]",
    "stratified[within=centre,strata=2]",
    "subsample[base=entropy,size=9]",
    "subsample[base=consistency-diversity,size=9]",
    "ensemble[bases=margin+core-set,final=consistency-diversity[select=cover],batches=2,stages=1]",
    "typiclust[features=trunk]",
    "typiclust[max_clusters=3,min_size=1,neighbours=2]",
]
#: What trains at every selection keeps the contract whole or not, however long it trains.
BRIEF = {
    "vaal": "vaal[steps=10]",
    "core-gcn": "core-gcn[steps=20]",
    "ensemble": "ensemble[batches=5,stages=2]",
}
METHOD = "consistency-diversity"


@pytest.fixture
def brief_distillation(monkeypatch):
    """Made-up pools, which cannot be compressed, train for the longest: 100 steps run the same code."""
    monkeypatch.setattr(distillation, "STEPS", 100)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", [*names(), *VARIANTS])
def test_every_strategy_keeps(name, clause, request):
    """The method itself distils as long as in a study, its variants briefly."""
    if name != METHOD:
        request.getfixturevalue("brief_distillation")
    named = resolve(BRIEF.get(name, name))
    if named.create().required:
        pytest.skip(f"{name} needs what no made-up pool has: {', '.join(named.create().required)}")
    clause(Probe(named))


def test_no_strategy_escapes_the_contract_but_those_that_repeat_a_record():
    assert {name for name in entries() if resolve(name).create().required} == {"replay"}


class Cheat(Strategy):
    """Breaks one clause on purpose."""

    def __init__(self, how="first"):
        self.how = how

    def select(self, pool: Pool, budget: int) -> Selection:
        picks = {
            "first": lambda: pool.unlabelled[:budget],
            "twice": lambda: pool.unlabelled[[0] * budget],
            "labelled": lambda: pool.labelled[:budget],
            "short": lambda: pool.unlabelled[: budget - 1],
            "outside": lambda: pool.unlabelled[:budget] + 10_000,
            "float": lambda: pool.unlabelled[:budget] / 1.0,
        }
        return Selection(picks[self.how]())


@pytest.mark.parametrize("how", ["twice", "labelled", "short", "outside", "float"])
def test_a_broken_selection_is_named(how):
    entry = Entry("cheat", Cheat, parameters_of(Cheat), "", "", "")
    assert "'cheat'" in broken(chooses_the_budget, Probe(Named("cheat", entry, {"how": how})), ())


def test_choosing_by_place_is_noticed():
    entry = Entry("cheat", Cheat, {}, "", "", "")
    assert "place in the pool" in broken(breaks_ties_at_random, Probe(Named("cheat", entry, {})), ())


class Comparer(Cheat):
    """Compares tasks, so many at least."""

    def __init__(self, needs=2):
        super().__init__()
        self.needs = needs

    def check(self, tasks):
        if len(tasks) < self.needs:
            raise ValueError(f"{self.needs} tasks are compared")


@pytest.mark.parametrize(("needs", "why"), [(1, None), (2, None), (3, "ValueError: 3 tasks are compared")])
def test_whatever_compares_two_tasks_may_refuse_each_alone(needs, why):
    entry = Entry("comparer", Comparer, parameters_of(Comparer), "", "", "")
    assert broken(works_with_any_one_task, Probe(Named("comparer", entry, {"needs": needs})), ()) == why


@pytest.mark.usefixtures("brief_distillation")
def test_gpus_that_cannot_be_opened_are_left_alone(monkeypatch):
    """A driver may list devices that CUDA cannot open: the contract is about the strategy."""

    def closed(*_):
        raise RuntimeError("Found no NVIDIA driver on your system")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("get_rng_state", "set_rng_state", "_lazy_init", "manual_seed_all"):
        monkeypatch.setattr(torch.cuda, name, closed)
    for name in ("learning-loss", METHOD):
        assert [broken(clause, Probe(resolve(name)), ()) for clause in CLAUSES] == [None] * len(CLAUSES)


def test_the_contract_leaves_the_global_stream_as_it_was():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    chooses_the_budget(Probe(resolve("learning-loss")))
    assert torch.equal(before, torch.get_rng_state())


class Mapper(Strategy):
    """Draws maps in a way that is wrong, or in the right one."""

    def __init__(self, how="right"):
        self.how = how

    def maps(self, outputs):
        depth = outputs.refined["depth"]
        if self.how == "edits":
            depth.abs_()
        return {
            "right": lambda: {"depth": depth.abs().mean(1)},
            "edits": lambda: {"depth": depth.mean(1)},
            "no task": lambda: {"deepness": depth.mean(1)},
            "channels": lambda: {"depth": depth},
            "one map": lambda: {"depth": depth.mean(1)[:1]},
            "not finite": lambda: {"depth": depth.mean(1).log()},
            "batch": lambda: {"depth": depth.mean(1) / depth.max()},
        }[self.how]()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("right", None),
        ("edits", "changed the outputs"),
        ("no task", "'deepness', which is no task"),
        ("channels", r"of shape \(24, 1, 16, 12\)"),
        ("one map", "'depth' has 1 rows for a batch of 8"),
        ("not finite", "not finite"),
        ("batch", "changes with its batch"),
    ],
)
def test_wrong_maps_are_noticed(how, why):
    entry = Entry("mapper", Mapper, parameters_of(Mapper), "", "", "")
    found = broken(maps_every_image_by_itself, Probe(Named("mapper", entry, {"how": how})), ())
    assert found is None if why is None else re.search(why, found)
