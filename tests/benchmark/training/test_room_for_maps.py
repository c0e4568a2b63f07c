"""Maps that are in the cache are found there, though the disk has no room for more."""

import pytest
import torch

from benchmark.data.decoded.row_storage import Mapped
from benchmark.data.feed import open_feed
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.training import kept_maps

FROZEN = {
    "name": "pad_net",
    "backbone": "tf_efficientnet_lite0",
    "pretrained": True,
    "frozen": True,
    "width": 8,
}


@pytest.fixture
def home_of(tmp_path, monkeypatch):
    """Where the maps of a network live, by what is asked for."""
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path))
    rooms = open_rooms(RoomsConfig(pool=3, val=1, height=32, width=32))
    network = build_network(NetworkConfig.model_validate(FROZEN | {"width": 8, "blocks": 1}), rooms.tasks)
    feed = open_feed(rooms, "train", torch.device("cpu"), "device")

    def home(asked, digest=rooms.digest):
        return kept_maps.with_kept_maps(feed, network, digest, asked, lambda _: None)._maps._home

    return home


def test_what_is_there_needs_no_room(home_of, monkeypatch):
    home_of("disk")
    for room in ("fits_disk", "fits_device"):
        monkeypatch.setattr(kept_maps, room, lambda *_: False)
    assert isinstance(home_of("auto"), Mapped)
    assert isinstance(home_of("auto", "other data"), kept_maps.ComputedAnew)
