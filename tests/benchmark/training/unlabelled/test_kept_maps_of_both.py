"""With a frozen trunk, images without labels have their maps kept like those with labels: the same bits."""

import numpy as np
import pytest
import torch

from benchmark.data.feed import open_feed
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.random_streams import Streams
from benchmark.training.kept_maps import with_kept_maps
from benchmark.training.train import train, weights_digest

ROOMS = open_rooms(RoomsConfig(pool=6, val=2, height=32, width=48))
FROZEN = NetworkConfig(
    backbone="tf_efficientnet_lite0", pretrained=True, frozen=True, join="project", width=8, blocks=1
)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path_factory.mktemp("cache")))


def digest(home, unlabelled="pseudo"):
    feed = open_feed(ROOMS, "train", torch.device("cpu"), "device")
    if home:
        feed = with_kept_maps(feed, build_network(FROZEN, ROOMS.tasks), ROOMS.digest, home, lambda _: None)
    recipe = Recipe(iterations=2, batch_size=3, unlabelled=unlabelled)
    return weights_digest(train(feed, np.arange(4), None, FROZEN, recipe, Streams("r", 0, 0), {}).network)


def test_all_homes_of_maps_and_none_at_all_train_to_the_same_bits():
    assert len({digest(home) for home in ("device", "disk", "stream", None)}) == 1
    assert digest("device") != digest("device", "none")
