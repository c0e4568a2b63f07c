"""Training, evaluation and the pool pass as a GPU would have them, on machines without one.

Devices never mix, the training loop waits for the device at its look at the loss and nowhere else, and what
the network computes in bfloat16 reaches no loss and no row.
"""

from pathlib import Path

import baselines  # noqa: F401
from benchmark.plugins import NETWORKS
from strategies.registry import entries, resolve

FIRST = "pad_net"  # the quickest of two stages
OTHERS = [name for name in NETWORKS.entries if name != FIRST]
#: All but those that need a record of another run.
STRATEGIES = [name for name in entries() if not resolve(name).create().required]
#: What computes most of all on the device, in float64.
PATCHES = ["core-set[level=patch]", "consistency-diversity[representation=patches]"]
#: With what they read of a network that others do not: a companion, coarser predictions, passes with dropout.
#: Flipped images and labels are the same for every network, and are read with the first one.
FEW = ["learning-loss", "consistency-diversity[scales=mean]", "mc-dropout[passes=2]"]
FAULTY = [f"{Path(__file__).parent / 'faulty.py'}:{name}" for name in ("waiting", "mixing", "halving")]
NOTHING = {"waits": [], "mixes": [], "halves": []}


def check(found, names):
    assert found["devices"] == ["cuda:0"]
    assert found["loop"] == [NOTHING, NOTHING]
    assert [wait.rpartition(" ")[2] for wait in found["look"]["waits"]] == ["look"]
    assert "total" in found["evaluate"]["metrics"]
    # Of both trainings: they look at the loss, and wait for nothing in their loops.
    assert {wait.rpartition(" ")[2] for wait in found["pseudo"]["waits"]} <= {"look", "placed"}
    for phase in ("start", "look", "evaluate", "pseudo", *names):
        assert (found[phase]["mixes"], found[phase]["halves"]) == ([], []), phase
    for name in names:
        assert set(found[name]["rows"].values()) <= {"float32", "float64", "int64", "bool"}, name


def test_every_strategy_is_trained_beside_the_network_and_measures(noted):
    names = [*STRATEGIES, *PATCHES]
    found = noted([FIRST], "semseg,depth,normals,edge", names)[FIRST]
    check(found, names)
    assert "learning-loss" in found["companions"]


def test_every_network_is_trained_evaluated_and_shown(noted):
    found = noted(OTHERS, "semseg,normals", FEW)
    assert list(found) == OTHERS
    for network in OTHERS:
        check(found[network], FEW)


def test_the_watch_sees_what_it_is_there_for(noted):
    found = noted(["multi_task"], "semseg", FAULTY)["multi_task"]
    _, mixing, halving = FAULTY
    for step in found["loop"]:
        assert [wait.partition(" ")[0] for wait in step["waits"]] == ["__float__"]
    assert [mix.partition(" ")[0] for mix in found[mixing]["mixes"]] == ["index"]
    assert any(half.startswith("mean at") for half in found[halving]["halves"])
    assert (found[halving]["mixes"], found[mixing]["halves"]) == ([], [])
    assert any(wait.endswith(" placed") for wait in found["start"]["waits"])
