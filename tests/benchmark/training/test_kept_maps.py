"""A frozen trunk is never changed, and its maps are the same bits wherever they are kept or computed anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.data.decoded.memory_map import arrays_folder
from benchmark.data.feed import open_feed
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig, validated
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network, placed
from benchmark.networks.backbones import by_name
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.training.checkpoint import Checkpoint
from benchmark.training.evaluate import evaluate
from benchmark.training.kept_maps import MapRows, with_kept_maps
from benchmark.training.observe import observe
from benchmark.training.train import train, weights_digest
from strategies.interface import Strategy

LITE = "tf_efficientnet_lite0"
CPU = torch.device("cpu")
ROOMS = open_rooms(RoomsConfig(pool=6, val=2, height=32, width=48))
HOMES = ("device", "disk", "stream")
FLIPPED = {"iterations": 2, "batch_size": 3, "augmentation": {"flip": True}}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path_factory.mktemp("cache")))


def network_of(name="pad_net", **changes):
    fields = {"name": name, "backbone": LITE, "pretrained": True, "frozen": True, "width": 8}
    blocks = {"blocks": 1, "join": "project"} if name == "pad_net" else {}
    return NetworkConfig.model_validate(fields | blocks | changes)


def feed_of(home, network=None, split="train", say=lambda _: None, digest=ROOMS.digest):
    """Images on the device, maps wherever they are asked for; None for no maps at all."""
    feed = open_feed(ROOMS, split, CPU, "device")
    if home is None:
        return feed
    return with_kept_maps(feed, build_network(network or network_of(), ROOMS.tasks), digest, home, say)


def trained(feed, network=None, streams=None, checkpoint=None, **recipe):
    given = Recipe.model_validate(FLIPPED | recipe)
    where, kept = np.arange(5), checkpoint or Checkpoint()
    streams = streams or Streams("r", 0, 0)
    return train(feed, where, None, network or network_of(), given, streams, {}, checkpoint=kept).network


class Looking(Strategy):
    """Rows of all that a strategy is shown, of both kinds of views."""

    views = ("flip", "dropout-1")

    def measure(self, outputs):
        shown = (outputs, *(outputs.views[view] for view in self.views))
        maps = [each for one in shown for each in (*one.backbone_features, *one.refined.values())]
        assert all(each.dtype == torch.float32 for each in maps)
        assert not any(each.requires_grad for each in maps)
        return {f"{n}": each.flatten(1).double().sum(1) for n, each in enumerate(maps)}


def rows_of(network, feed):
    return observe(network, None, feed, Looking(), "looking", Streams("r", 0, 0), 3)


def test_all_homes_train_evaluate_and_observe_to_the_same_bits():
    """None: the trunk is run in every step, on images that were mirrored before."""
    found = []
    for home in (*HOMES, None):
        feed = feed_of(home)
        network = trained(feed)
        rows = rows_of(network, feed)
        found.append(
            (
                weights_digest(network),
                evaluate(network, feed_of(home, split="val"), 3),
                {name: values.tobytes() for name, values in rows.items()},
            )
        )
    assert all(one == found[0] for one in found[1:])
    assert len(found[0][2]) > 20


@pytest.mark.parametrize("name", ["mti_net", "multi_task", "single_task"])
def test_so_do_all_networks(name):
    network = network_of(name)
    digests = {weights_digest(trained(feed_of(home, network), network)) for home in ("device", None)}
    assert len(digests) == 1


def test_maps_do_not_depend_on_batches_and_threads():
    network = build_network(network_of(), ROOMS.tasks)
    images = open_feed(ROOMS, "train", CPU).images(np.arange(6))
    together = network.trunk_maps(images)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        alone = [network.trunk_maps(one[None]) for one in images]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for stage, each in enumerate(together):
        assert each.dtype == torch.float16
        assert torch.equal(each, torch.cat([maps[stage] for maps in alone]))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.trunk_maps(images)[-1], together[-1])


def test_maps_are_those_of_the_backbone_that_is_not_frozen():
    frozen, plain = (build_network(network_of(frozen=f), ROOMS.tasks).eval() for f in (True, False))
    images = open_feed(ROOMS, "train", CPU).images(np.arange(2))
    with torch.no_grad():
        for kept, computed in zip(frozen.encode(images), plain.encode(images), strict=True):
            assert torch.allclose(kept, computed, rtol=2e-3, atol=2e-3)
    assert frozen.shapes == plain.shapes


def test_a_training_leaves_weights_and_statistics_of_the_trunk_as_they_were():
    trunk = build_network(network_of(), ROOMS.tasks).backbone.trunk
    before = {name: tensor.clone() for name, tensor in trunk._backbone.state_dict().items()}
    network = trained(feed_of(None))
    after = network.backbone.trunk._backbone
    assert after is trunk._backbone
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.state_dict().items())
    assert not any(module.training for module in after.modules())


def test_the_trunk_is_no_part_of_what_is_trained_or_stored():
    network = build_network(network_of(), ROOMS.tasks)
    trunk = {id(tensor) for tensor in network.backbone.trunk._backbone.parameters()}
    assert not trunk & {id(tensor) for tensor in network.parameters()}
    assert not [name for name in network.state_dict() if name.startswith("backbone")]
    network.train()
    assert not any(module.training for module in network.backbone.trunk._backbone.modules())


def test_networks_start_the_same_whether_the_trunk_was_there_before():
    digests = []
    for fresh in (True, False):
        if fresh:
            by_name._trunk.cache_clear()
        with global_torch_stream(5):
            digests.append(weights_digest(build_network(network_of(), ROOMS.tasks)))
    assert digests[0] == digests[1]


class StoppedAt(Checkpoint):
    """Keeps the state after one iteration, and gives it to the next training."""

    def __init__(self):
        self.state = None

    def keep(self, training, done):
        if done == 1 and self.state is None:
            self.state = training.state_dict()
            raise KeyboardInterrupt

    def resume(self, training):
        if self.state is None:
            return 0
        training.load_state_dict(self.state)
        return 1


@pytest.mark.parametrize("home", ["disk", None])
def test_a_training_that_was_stopped_ends_with_the_same_bits(home):
    network, stopped = network_of(map_dropout=0.3), StoppedAt()
    whole = weights_digest(trained(feed_of(home, network), network))
    with pytest.raises(KeyboardInterrupt):
        trained(feed_of(home, network), network, checkpoint=stopped)
    assert weights_digest(trained(feed_of(home, network), network, checkpoint=stopped)) == whole


def test_maps_in_the_cache_are_computed_once():
    said = []
    feed_of("disk", say=said.append)
    feed_of("auto", say=said.append)
    assert [line for line in said if "computed into" in line] == said
    assert len(said) == 1


def test_a_damaged_file_is_noticed_and_computed_again():
    said = []
    before = trained(feed_of("disk"))
    (file,) = arrays_folder().glob("*/column-0.bin")
    content = bytearray(file.read_bytes())
    content[7] ^= 1
    file.write_bytes(content)
    feed = feed_of("disk", say=said.append)
    assert "is damaged and computed again" in said[0]
    assert weights_digest(trained(feed)) == weights_digest(before)


@pytest.fixture
def other_weights(tmp_path):
    """The same model with a weight that is another."""
    import timm

    from benchmark.networks.weights.packaged import read_packaged, renamed, weights_file

    names = list(timm.create_model(LITE).state_dict())
    state = renamed(read_packaged(weights_file(LITE, True)), names)
    state["conv_stem.weight"] = state["conv_stem.weight"] * 1.5
    torch.save(state, tmp_path / "other.pth")
    return tmp_path / "other.pth"


def test_maps_of_another_trunk_size_or_normalisation_are_never_taken(other_weights):
    said = []
    plain = feed_of("disk", say=said.append)
    others = {"pretrained": other_weights}, {"mean": (0.4, 0.5, 0.5)}, {"join": None}
    for changes in others:
        network = network_of(**changes)
        feed = feed_of("disk", network, say=said.append)
        expected = build_network(network, ROOMS.tasks).trunk_maps(feed.images(np.arange(1)))
        maps = feed.batch(np.arange(1)).maps.read()
        assert all(torch.equal(one, two) for one, two in zip(maps, expected, strict=True))
        assert not torch.equal(maps[-1], plain.batch(np.arange(1)).maps.read()[-1])
    feed_of("disk", digest="other data", say=said.append)
    assert len([line for line in said if "computed into" in line]) == 2 + len(others)
    assert len(list(arrays_folder().glob("*/done.json"))) == 2 + len(others)


def test_weights_of_another_file_are_another_round(small_bench, tmp_path, other_weights):
    from benchmark.protocol.round_key import key_of

    def key(**changes):
        bench = small_bench(tmp_path, network=network_of(**changes).model_dump(mode="json"))
        return key_of(bench, "random", 0, 0, ["a"], None)

    keys = [key(), key(pretrained=other_weights), key(frozen=False), key(map_dropout=0.1), key(join=None)]
    assert len(set(keys)) == len(keys)
    assert key(maps="recomputed") == keys[0], "which changes no number"


def test_a_plain_transformers_pyramid_is_trained_behind_its_kept_map(tmp_path):
    import timm

    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "vit.pth")
    network = network_of(backbone="test_vit", pretrained=tmp_path / "vit.pth")
    feed = feed_of("device", network)
    one, two = (trained(f, network) for f in (feed, feed_of(None)))
    assert weights_digest(one) == weights_digest(two)
    assert [name for name in one.state_dict() if name.startswith("backbone.scales")]
    assert len(feed.batch(np.arange(2)).maps.read()) == 1
    with global_torch_stream(Streams("r", 0, 0).seed_of("weights")):
        fresh = build_network(network, ROOMS.tasks)
    changed = [n for n, t in fresh.named_parameters() if not torch.equal(t, one.get_parameter(n))]
    assert any(name.startswith("backbone.scales") for name in changed)


class Trunk(Strategy):
    """Rows of the frozen trunk's maps, and of the backbone's."""

    frozen_trunk, views = True, ("flip", "dropout-1")

    def measure(self, outputs):
        assert not any(outputs.views[view].trunk_features for view in self.views)
        assert all(each.dtype == torch.float32 for each in outputs.trunk_features)
        rows = {f"trunk {n}": each.clone().flatten(1) for n, each in enumerate(outputs.trunk_features)}
        for each in outputs.trunk_features:
            each.zero_()  # which nobody else may notice
        return rows | {f"{n}": each.flatten(1) for n, each in enumerate(outputs.backbone_features)}


def test_strategies_that_ask_for_the_trunk_see_its_maps_wherever_these_are_kept(tmp_path):
    """Behind a plain transformer's a pyramid is trained: there alone they are not the backbone's features."""
    import timm

    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "vit.pth")
    for network in (network_of(), network_of(backbone="test_vit", pretrained=tmp_path / "vit.pth")):
        made, found = build_network(network, ROOMS.tasks), []
        for home in ("device", "disk", None, "device"):
            feed = feed_of(home, network)
            found.append(observe(made, None, feed, Trunk(), "trunk", Streams("r", 0, 0), 4))
        expected = made.trunk_features(made.trunk_maps(feed.images(np.arange(6))), (32, 48))
        for rows in found:
            for stage, each in enumerate(expected):
                np.testing.assert_array_equal(rows[f"trunk {stage}"], each.flatten(1))
        same = network.backbone == LITE
        assert same == (len(expected) == 4)
        assert same == np.array_equal(found[0]["trunk 0"], found[0]["0"])
        seen = observe(made, None, feed, Looking(), "looking", Streams("r", 0, 0), 4)
        assert len(seen) > 20, "who does not ask sees what it saw"


def test_what_only_shows_padding_is_cropped_from_the_trunks_maps():
    rooms = open_rooms(RoomsConfig(pool=2, val=2, height=40, width=50))
    network = build_network(network_of(name="mti_net"), rooms.tasks)
    feed = open_feed(rooms, "train", CPU, "device")
    rows = observe(network, None, feed, Trunk(), "trunk", Streams("r", 0, 0), 4)
    for stage in range(4):
        np.testing.assert_array_equal(rows[f"trunk {stage}"], rows[f"{stage}"])
    whole = network.trunk_maps(feed.images(np.arange(2)))
    assert rows["trunk 0"].shape[1] < whole[0][0].numel()


def test_maps_that_half_precision_cannot_hold_are_refused(other_weights):
    state = torch.load(other_weights, weights_only=True)
    state["blocks.6.0.bn3.weight"] = state["blocks.6.0.bn3.weight"] * 1e6
    torch.save(state, other_weights)
    with pytest.raises(UserError, match="beyond what half precision can hold"):
        feed_of("device", network_of(pretrained=other_weights))


def test_dropout_of_maps_is_drawn_by_the_training_and_seen_by_nobody_else():
    network = network_of(map_dropout=0.5)
    one, two, plain = (trained(feed_of("device"), given) for given in (network, network, network_of()))
    assert weights_digest(one) == weights_digest(two) != weights_digest(plain)
    images = feed_of(None).images(np.arange(2))
    maps = one.eval()(images).backbone_features
    seen = one.train()(images).backbone_features
    assert all(torch.equal(a, b) for a, b in zip(maps, seen, strict=True))


# What kept maps cannot show


def experiment(network, **augmentation):
    fields = {
        "budgets": [2, 4],
        "strategies": ["random"],
        "seeds": [0],
        "recipe": {"augmentation": augmentation},
    }
    return validated(fields | {"network": network.model_dump(mode="json")}, "test")


@pytest.mark.parametrize(
    "augmentation",
    [
        {"zoom": [1, 1.2]},
        {"scale": [0.8, 1.2]},
        {"rotation": 5},
        {"crop": [8, 8]},
        {"colour": 0.2},
        {"hue": 9},
    ],
)
def test_augmentations_that_kept_maps_cannot_show_are_refused(augmentation):
    with pytest.raises(UserError) as caught:
        experiment(network_of(), **augmentation)
    (name,) = augmentation
    assert f"show no {name};" in str(caught.value)
    assert "network.maps to recomputed" in str(caught.value)
    assert experiment(network_of(maps="recomputed"), **augmentation)
    assert experiment(network_of(frozen=False, pretrained=False), **augmentation)


def test_recomputed_maps_are_of_the_augmented_images():
    """Maps that are there are of other images, and are not read."""
    network = network_of(maps="recomputed")
    augmentation = {"flip": True, "rotation": 20.0, "colour": 0.3}
    kept, none = (trained(feed_of(home), network, augmentation=augmentation) for home in ("device", None))
    assert weights_digest(kept) == weights_digest(none) != weights_digest(trained(feed_of("device")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"pretrained": False}, "set pretrained"), ({"frozen": False, "maps": "recomputed"}, "set frozen")],
)
def test_settings_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        network_of(**changes)


def test_round_zero_is_read_back_with_its_trunk(small_bench, tmp_path):
    """Its stored weights are those behind the trunk."""
    from benchmark.protocol.round_zero import round_zero
    from strategies.registry import resolve

    network = network_of().model_dump(mode="json")
    bench = small_bench(tmp_path, network=network, strategies=["random"])
    strategy = resolve("random").create()
    first = round_zero(bench, 0, "random", strategy)
    again = round_zero(bench, 0, "random", strategy)
    assert again.trained.network is not first.trained.network
    plain = replace(bench)
    plain.__dict__["val"] = open_feed(bench.dataset, "val", CPU, "device")
    size = bench.experiment.recipe.evaluation_batch_size
    assert json.dumps(evaluate(again.trained.network, plain.val, size)) == json.dumps(first.metrics)


def test_rows_say_how_large_they_are():
    feed = feed_of(None)
    rows = MapRows(feed, placed(build_network(network_of(), ROOMS.tasks), CPU))
    # strides 4 to 32 of 32 x 64 pixels, the sides that the backbone needs
    assert rows.size == 2 * 6 * 2 * (24 * 8 * 16 + 40 * 4 * 8 + 112 * 2 * 4 + 320 * 1 * 2)
    assert rows.ids[:2] == (feed.ids[0], f"{feed.ids[0]} mirrored")
