"""Checkpoints within a training: stopped anywhere, it goes on to the same bits; a bad file is never used."""

import errno
import io
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from stopping import ALWAYS, NEVER, StoppedError, saved, stopping
from told import Told
from torch import nn

import baselines  # noqa: F401
import benchmark.training.train
from benchmark.networks.backbones.by_name import TinyPyramid
from benchmark.networks.pad_net import PadNet
from benchmark.records import round_store as store
from benchmark.records.round_store import read_blob, write_blob
from benchmark.training import checkpoint as module
from benchmark.training.checkpoint import (
    LAST,
    PREVIOUS,
    Checkpoint,
    KeptCheckpoint,
    set_stream_states,
    stream_states,
)
from benchmark.training.optimiser import DivergedError, FiniteLoss
from benchmark.training.train import train, weights_digest
from strategies.interface import Strategy
from strategies.registry import resolve

ITERATIONS = 5


@pytest.fixture
def run(toy, tmp_path):
    """Trains from the start or from the checkpoint that is in a folder."""

    def trained(progress=int, key="round", minutes=NEVER, said=None, names=(), feed=None, **recipe):
        kept = KeptCheckpoint(tmp_path, key, minutes, said or Told())
        companions = {name: made(name) for name in names}
        options = toy.recipe(**{"iterations": ITERATIONS, **recipe})
        where = np.arange(12)
        return train(
            feed or toy.feed, where, None, toy.small, options, toy.streams, companions, progress, kept
        )

    trained.folder = tmp_path
    return trained


def made(name):
    return WithCompanion() if name == "drawing" else resolve(name).create()


def stop(run, at, **options):
    """Train until this iteration, which is lost; all before were kept."""
    with pytest.raises(StoppedError):
        run(stopping(at), minutes=ALWAYS, **options)


def digests(trained):
    return [weights_digest(m) for m in (trained.network, *dict(sorted(trained.companions.items())).values())]


@pytest.fixture
def reads(toy, monkeypatch):
    """Positions of the batches that are read from now on."""
    seen, batches = [], toy.feed.batches
    noting = lambda order: batches(seen.append(p.tolist()) or p for p in order)  # noqa: E731
    monkeypatch.setitem(vars(toy.feed), "batches", noting)  # which leaves nothing behind in the shared feed
    return seen


# The same bits


class DropoutNet(PadNet):
    """PAD-Net that forgets half of its features while it is trained."""

    def heads(self, maps, size):
        return super().heads([nn.functional.dropout(m, 0.5, self.training) for m in maps], size)


class Drawing(nn.Module):
    """Draws from its own stream and the global one, and has statistics."""

    def __init__(self, shapes):
        super().__init__()
        width = shapes.backbone_features[-1]
        self.body = nn.Sequential(nn.BatchNorm1d(width), nn.Dropout(0.5), nn.Linear(width, 1))

    def forward(self, outputs):
        return {"said": self.body(outputs.backbone_features[-1].mean((2, 3)))}

    def loss(self, outputs, task_losses, generator):
        noise = torch.rand(()) + torch.randn((), generator=generator)
        return (self(outputs)["said"] - noise).square().mean()


class WithCompanion(Strategy):
    """A strategy whose companion draws."""

    def companion(self, shapes):
        return Drawing(shapes)


CASES = {
    "plain": {},
    "companions": {"names": ("learning-loss", "consistency-diversity", "vaal", "drawing")},
    "clip, sgd, cosine": {"clip": 0.1, "optimiser": "sgd", "schedule": "cosine", "warmup": 2},
    "adamw, poly, augmentation": {
        "optimiser": "adamw",
        "schedule": "poly",
        "weight_decay": 0.1,
        "augmentation": {"rotation": 9, "scale": (0.8, 1.2), "colour": 0.3},
    },
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stops", [(2,), (3, 5)], ids=str)
def test_a_stopped_training_ends_with_the_same_bits(toy, run, reads, case, stops):
    companions = {name: made(name) for name in CASES[case].get("names", ())}
    recipe = {name: value for name, value in CASES[case].items() if name != "names"}
    undisturbed = toy.train(companions, iterations=ITERATIONS, **recipe)
    order, reads[:] = list(reads), []
    for at in stops:
        stop(run, at, **CASES[case])
    reads.clear()
    told = []
    assert digests(run(told.append, **CASES[case])) == digests(undisturbed)
    assert reads == order[stops[-1] - 1 :], "batches that were done are not read again"
    assert told == list(range(stops[-1], ITERATIONS + 1))


def test_dropout_goes_on_in_the_stream_where_it_was(toy, run, monkeypatch):
    monkeypatch.setattr(
        benchmark.training.train, "build_network", lambda _, tasks: DropoutNet(TinyPyramid(), tasks, 8, 1)
    )
    undisturbed = digests(toy.train(iterations=ITERATIONS))
    stop(run, 4)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert digests(run()) == undisturbed
    assert torch.equal(torch.get_rng_state(), before), "and the process's own stream is as it was"


def test_the_streams_of_a_gpu_are_kept_too(monkeypatch):
    states = {"cuda:1": torch.arange(3)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[str(device)])
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: states.update({str(device): state})
    )
    there = stream_states(torch.device("cuda:1"))
    states["cuda:1"], before = torch.zeros(3), torch.get_rng_state()
    set_stream_states(there, torch.device("cuda:1"))
    assert torch.equal(states["cuda:1"], torch.arange(3))
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="not made on cpu"):
        set_stream_states(there, torch.device("cpu"))


# What is kept


def test_every_so_many_minutes(run, monkeypatch):
    clock, written = [0.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(KeptCheckpoint, "_write", lambda self, content: written.append(content["iterations"]))

    def a_minute_later(_):
        clock[0] += 60

    run(a_minute_later, minutes=2, iterations=9)
    assert written == [2, 4, 6, 8]
    written.clear()
    run(a_minute_later, minutes=10)
    assert written == []


def test_the_last_two_are_kept_and_loaded_as_plain_values(run):
    stop(run, 5)
    done = []
    for name in (LAST, PREVIOUS):
        content = torch.load(io.BytesIO(read_blob(run.folder / name)), weights_only=True)
        assert content["key"] == "round"
        done.append(content["iterations"])
    assert done == [4, 3]
    assert {file.name for file in run.folder.iterdir()} == {
        name + end for name in (LAST, PREVIOUS) for end in ("", ".sha256")
    }


def test_nothing_is_kept_behind_a_loss_that_nobody_has_looked_at(toy, run, monkeypatch):
    original = FiniteLoss.__init__

    def as_on_a_gpu(self, device):
        original(self, device)
        self.every = 50

    monkeypatch.setattr(FiniteLoss, "__init__", as_on_a_gpu)
    with pytest.raises(DivergedError):
        run(minutes=ALWAYS, optimiser="sgd", learning_rate=1e30, momentum=0, iterations=40)
    weights = torch.load(run.folder / LAST, weights_only=True)["state"]["network"]
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


# Files that are broken


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


BREAKS = {
    "flipped": flip,
    "torn": lambda file: file.write_bytes(file.read_bytes()[:999]),
    "empty": lambda file: file.write_bytes(b""),
    "no text beside it": lambda file: file.with_name(f"{file.name}.sha256").write_bytes(b"\xff\xfe"),
    "of something else": lambda file: write_blob(file, b"not a checkpoint"),
    "of other values": lambda file: write_blob(file, saved({"key": "round"})),
    "of another network": lambda file: write_blob(file, saved(with_weights(file, {}))),
    "a program": lambda file: write_blob(file, saved({"key": "round", "state": Path("x")})),
}


def with_weights(file, weights):
    content = torch.load(file, weights_only=True)
    return content | {"state": content["state"] | {"network": weights}}


@pytest.fixture(scope="module")
def after_four(toy, tmp_path_factory):
    """A folder with the checkpoints of three and four iterations, and what the training ends with."""
    folder = tmp_path_factory.mktemp("after_four")
    kept = KeptCheckpoint(folder, "round", ALWAYS, Told())
    recipe, where = toy.recipe(iterations=ITERATIONS), np.arange(12)
    with pytest.raises(StoppedError):
        train(toy.feed, where, None, toy.small, recipe, toy.streams, {}, stopping(5), kept)
    return folder, digests(toy.train(iterations=ITERATIONS))


@pytest.fixture
def stopped(run, after_four):
    """What a training ends with that was stopped after four iterations; its checkpoints are there."""
    shutil.copytree(after_four[0], run.folder, dirs_exist_ok=True)
    return after_four[1]


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_file_gives_way_to_the_one_before(run, stopped, reads, how):
    BREAKS[how](run.folder / LAST)
    with pytest.warns(UserWarning, match=r"training\.pt .*(sha256|is no checkpoint of this training)"):
        assert digests(run()) == stopped
    assert len(reads) == ITERATIONS - 3


@pytest.mark.parametrize("how", ["flipped", "a program", "of another network"])
def test_with_both_broken_it_begins_again(run, stopped, reads, how):
    for name in (LAST, PREVIOUS):
        BREAKS[how](run.folder / name)
    with (
        pytest.warns(UserWarning, match=r"training\.prev\.pt"),
        pytest.warns(UserWarning, match=r"training\.pt"),
    ):
        assert digests(run()) == stopped
    assert len(reads) == ITERATIONS


def test_a_broken_file_never_takes_the_sound_one_s_place(run, stopped, monkeypatch):
    flip(run.folder / LAST)
    sound = (run.folder / PREVIOUS).read_bytes()
    monkeypatch.setattr(module, "write_blob", disk_full)
    with pytest.warns(UserWarning, match="sha256"):
        run(minutes=ALWAYS)
    assert read_blob(run.folder / PREVIOUS) == sound


@pytest.mark.parametrize("writes", range(4))
def test_killed_in_the_middle_of_writing_one_of_them_is_whole(run, stopped, reads, monkeypatch, writes):
    """A checkpoint is four files: the one before, the last, and what is beside them."""
    done, original = [], store.write_atomically

    def killed(path, content):
        if len(done) == writes:
            raise StoppedError
        done.append(path)
        original(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_atomically", killed)
        with pytest.raises(StoppedError):
            run(minutes=ALWAYS)
    reads.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether a file is broken depends on the moment
        assert digests(run()) == stopped
    assert len(reads) == ITERATIONS - 4, "the iteration that was not kept whole"


def test_what_a_killed_write_left_is_cleared_away(run, stopped):
    (run.folder / ".training.pt.abc.tmp").write_bytes(b"half")
    run()
    assert not list(run.folder.glob(".training*"))


def disk_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_once_and_stops_no_training(toy, run, monkeypatch):
    stop(run, 3)
    undisturbed, said = digests(toy.train(iterations=ITERATIONS)), Told()
    monkeypatch.setattr(store, "write_atomically", disk_full)
    assert digests(run(said=said, minutes=ALWAYS)) == undisturbed
    full = [line for line in said.lines if "No space left on device" in line]
    assert len(full) == 1
    assert str(run.folder / LAST) in full[0]
    assert digests(run()) == undisturbed, "and what was written before is whole"


# Whose it is


@pytest.mark.parametrize("other", [{"key": "another round"}, {"names": ("drawing",)}])
def test_that_of_another_training_is_ignored(toy, run, other):
    stop(run, 4, **other)
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if "names" in other else "error")
        assert digests(run(told.append)) == digests(toy.train(iterations=ITERATIONS))
    assert told[0] == 1


def test_without_one_nothing_is_written(toy, run):
    toy.train()
    Checkpoint().keep(None, 5)
    assert Checkpoint().resume(None) == 0
    assert not list(run.folder.iterdir())
