"""Where decoded images are kept changes no batch; what is kept on disk is whole or is not used."""

import errno
import json
import multiprocessing
import os
import pickle
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.data import feed as feeds
from benchmark.data.cache_folder import cache_folder
from benchmark.data.decoded.memory_map import DONE, arrays_folder, kept_arrays
from benchmark.data.decoded.row_storage import Mapped, OnDevice, Streamed
from benchmark.data.decoded.rows import Rows
from benchmark.data.feed import Feed, open_feed, shuffled
from benchmark.data.folder.dataset import open_folder
from benchmark.data.nyud.parquet import ParquetSplit
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.random_streams import Streams
from benchmark.training.train import train, weights_digest

CPU = torch.device("cpu")
ROOMS = open_rooms(RoomsConfig(pool=18, val=3, height=16, width=24))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def streamed(dataset, workers):
    rows = Rows(dataset.train, dataset.tasks)
    return Feed(dataset.train, dataset.tasks, CPU, Streamed(rows, CPU, workers))


@pytest.fixture(scope="module")
def stream():
    """Two worker processes, which take seconds to start."""
    return streamed(ROOMS, 2)


def order(count=18):
    return list(shuffled(count, 5, 9, np.random.default_rng(3)))


def assert_equal(one, two):
    assert torch.equal(one.images, two.images)
    for task, label in one.labels.items():
        assert label.dtype == two.labels[task].dtype
        assert np.array_equal(label, two.labels[task], equal_nan=label.is_floating_point())


def assert_same_batches(feed, other, count=18):
    pairs = list(zip(feed.batches(order(count)), other.batches(order(count)), strict=True))
    assert len(pairs) == 9
    for one, two in pairs:
        assert_equal(one, two)


@pytest.mark.parametrize("home", ["disk", "stream"])
def test_all_homes_give_the_same_batches_bit_for_bit(stream, home):
    feed = stream if home == "stream" else open_feed(ROOMS, "train", CPU, home)
    device = open_feed(ROOMS, "train", CPU)
    assert feed.ids == device.ids == ROOMS.train.ids
    assert_same_batches(feed, device)
    for one, two in zip(
        feed.batches(order(), labels=False), device.batches(order(), labels=False), strict=True
    ):
        assert torch.equal(one.images, two.images)
    assert_equal(feed.batch(torch.tensor([17, 0, 17])), device.batch(np.array([17, 0, 17])))
    assert torch.equal(feed.images(torch.tensor([4])), device.images(torch.tensor([4])))


def test_training_ends_with_the_same_weights_in_all_homes(stream):
    recipe = Recipe.model_validate(
        {"iterations": 3, "batch_size": 4, "augmentation": {"rotation": 9, "scale": (0.8, 1.2)}}
    )

    def digest(feed):
        before = torch.get_rng_state()
        trained = train(
            feed, np.arange(9), None, NetworkConfig(width=8, blocks=1), recipe, Streams("r", 0, 0), {}
        )
        assert torch.equal(before, torch.get_rng_state())
        return weights_digest(trained.network)

    kept = (open_feed(ROOMS, "train", CPU, home) for home in ("device", "disk"))
    assert len({digest(feed) for feed in (*kept, stream)}) == 1


def folder_dataset(root, count=6):
    """Images with classes for all and depth with holes for some."""
    rng = np.random.default_rng(0)
    for split, number in (("train", count), ("val", 1)):
        for what in ("image", "semseg", "depth"):
            (root / split / what).mkdir(parents=True)
        for i in range(number):
            name = f"{split[0]}{i}"
            pixels = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / split / "image" / f"{name}.png")
            Image.fromarray(pixels[..., 0] % 3).save(root / split / "semseg" / f"{name}.png")
            if i != 1:
                depth = np.where(pixels[..., 1] < 99, np.nan, pixels[..., 1]).astype(np.float32)
                np.save(root / split / "depth" / f"{name}.npy", depth)
    yaml = root / "own.yaml"
    tasks = (
        '{semseg: {folder: "{split}/semseg", classes: 3}, depth: {folder: "{split}/depth", partial: true}}'
    )
    yaml.write_text(f'name: own\nroot: .\nimage: {{folder: "{{split}}/image"}}\ntasks: {tasks}\n')
    return open_folder(yaml)


def test_worker_processes_decode_folders_and_name_what_is_bad(tmp_path):
    dataset = folder_dataset(tmp_path / "data")
    feed = streamed(dataset, 1)
    assert_same_batches(feed, open_feed(dataset, "train", CPU, "device"), count=6)
    bad = tmp_path / "data" / "train" / "image" / "t3.png"
    bad.write_bytes(b"no image")
    with pytest.raises(UserError) as caught:
        list(feed.batches(order(6)))
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parquet_split_can_be_sent_to_a_worker():
    split = ParquetSplit({"train/0000": (Path("train-0.parquet"), 0, 0)}, (8, 9))
    sent = pickle.loads(pickle.dumps(split))
    assert (sent.ids, sent.files) == (split.ids, split.files)


def test_a_pass_that_was_given_up_leaves_nothing_behind(stream):
    first = stream.batches(order())
    next(first)
    assert_same_batches(stream, open_feed(ROOMS, "train", CPU, "device"))
    with pytest.raises(RuntimeError, match="one sequence of batches at a time"):
        next(first)


class Counting:
    """A split that notes what is decoded of it, and does something before each."""

    def __init__(self, split, before=lambda _: None):
        self.split, self.ids, self.seen, self.before = split, split.ids, [], before

    def __getitem__(self, position):
        self.seen.append(position)
        self.before(len(self.seen))
        return self.split[position]


def kept(said=None, split=ROOMS.train, digest=ROOMS.digest):
    say = (lambda _: None) if said is None else said.append
    return Feed(split, ROOMS.tasks, CPU, Mapped(kept_arrays(Rows(split, ROOMS.tasks), digest, say), CPU))


def columns():
    return sorted(arrays_folder().glob("*/column-*.bin"))


def test_the_next_run_decodes_no_more_than_a_few_images_to_compare(cache):
    said = []
    first = kept(said)
    assert len(said) == 1
    assert str(cache) in said[0]
    assert len(columns()) == 1 + len(ROOMS.tasks)
    again = Counting(ROOMS.train)
    assert_same_batches(kept(said, again), first)
    assert len(again.seen) <= 4
    assert len(said) == 1


def test_other_data_other_images_and_other_tasks_have_their_own_files():
    kept()
    kept(digest="other")
    open_feed(ROOMS, "val", CPU, "disk")
    open_feed(replace(ROOMS, tasks=ROOMS.tasks[:2]), "train", CPU, "disk")
    assert len(list(arrays_folder().glob("*/" + DONE))) == 4


def test_what_a_killed_writer_leaves_is_not_used():
    def die(seen):
        if seen == 9:
            os.kill(os.getpid(), signal.SIGKILL)

    writer = multiprocessing.get_context("fork").Process(
        target=kept, kwargs={"split": Counting(ROOMS.train, die)}
    )
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    (left,) = arrays_folder().glob("*.partial")
    assert_same_batches(kept(), open_feed(ROOMS, "train", CPU, "device"))
    assert not left.exists()


def flip_a_bit():
    content = bytearray(columns()[2].read_bytes())
    content[1000] ^= 4
    columns()[2].write_bytes(content)


def cut_short():
    columns()[0].write_bytes(columns()[0].read_bytes()[:-1])


def lose():
    columns()[1].unlink()


def garble():
    next(arrays_folder().glob("*/" + DONE)).write_text("{")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, lose, garble])
def test_damage_is_noticed_said_and_mended(damage):
    kept()
    damage()
    said = []
    assert_same_batches(kept(said), open_feed(ROOMS, "train", CPU, "device"))
    assert "is damaged and decoded again" in said[0]
    assert len(said) == 2
    said.clear()
    kept(said)
    assert said == []


def test_files_of_an_older_decoder_are_noticed():
    other = open_rooms(RoomsConfig(pool=18, height=16, width=24, seed=1))
    kept(split=other.train)
    said = []
    assert_same_batches(kept(said), open_feed(ROOMS, "train", CPU, "device"))
    assert "is not what the data are decoded to today" in said[0]


def no_room(monkeypatch):
    def full(self, say):
        yield self.stacked([0])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Rows, "blocks", full)
    return "No space left"


def no_folder(monkeypatch):
    cache_folder().write_text("a file")
    return str(cache_folder())


@pytest.mark.parametrize("trouble", [no_room, no_folder])
def test_a_disk_that_cannot_be_used_is_said_with_what_to_do(trouble, monkeypatch):
    device = open_feed(ROOMS, "train", CPU, "device")
    words = trouble(monkeypatch)
    with pytest.raises(UserError, match=r"^feed: .*set MTAL_CACHE to a folder with .* GB of room, or feed"):
        open_feed(ROOMS, "train", CPU, "disk")
    monkeypatch.setattr(feeds, "_fitting", lambda *_: "disk")
    said = []
    feed = open_feed(ROOMS, "train", CPU, "auto", said.append)
    assert words in said[-1]
    assert isinstance(feed._home, Streamed)
    assert_equal(feed.batch([3, 1]), device.batch([3, 1]))
    assert not list(Path(cache_folder()).rglob("*.partial"))


@pytest.mark.parametrize(
    ("memory", "disk", "home"), [(1e9, 0, OnDevice), (1e4, 1e9, Mapped), (1e4, 1e4, Streamed)]
)
def test_auto_takes_the_first_home_with_room(memory, disk, home, monkeypatch):
    monkeypatch.setattr(feeds, "_memory", lambda _: memory)
    monkeypatch.setattr(feeds, "_disk", lambda: disk)
    assert isinstance(open_feed(ROOMS, "train", CPU)._home, home)


def test_auto_finds_what_is_kept_though_no_more_would_fit(monkeypatch):
    open_feed(ROOMS, "train", CPU, "disk")
    monkeypatch.setattr(feeds, "_memory", lambda _: 1e4)
    monkeypatch.setattr(feeds, "_disk", lambda: 0)
    assert isinstance(open_feed(ROOMS, "train", CPU)._home, Mapped)


def test_free_memory_and_disk_are_known(cache):
    assert feeds._memory(CPU) > 1e8
    assert feeds._disk() > 0
    assert not cache.exists(), "looking changes nothing"


def test_compact_labels_are_exact_and_normals_nearly():
    feed = open_feed(ROOMS, "train", CPU)
    for position in (0, 7):
        sample, batch = ROOMS.train[position], feed.batch([position])
        for task in ("semseg", "depth", "edge", "saliency"):
            np.testing.assert_array_equal(batch.labels[task][0], sample.labels[task])
        vectors = batch.labels["normals"][0].permute(1, 2, 0).double().numpy()
        sine = np.linalg.norm(np.cross(vectors, sample.labels["normals"]), axis=-1)
        assert np.degrees(sine.max()) < 0.03
    images, *labels = Rows(ROOMS.train, ROOMS.tasks)[0]
    assert [images.dtype, *(label.dtype for label in labels)] == [
        np.uint8, np.uint8, np.float32, np.float16, np.uint8, np.uint8,
    ]  # fmt: skip


def test_long_decoding_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr("benchmark.data.decoded.rows.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr("benchmark.data.decoded.rows.BLOCK", 8)
    said = []
    open_feed(ROOMS, "train", CPU, "device", said.append)
    assert said == [f"Decoded {done} of 18 images" for done in (8, 16, 18)]


def test_notes_hold_a_digest_of_every_column():
    kept()
    (note,) = arrays_folder().glob("*/" + DONE)
    assert len(json.loads(note.read_text())["sha256"]) == 1 + len(ROOMS.tasks)
