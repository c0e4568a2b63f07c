"""Full memory: a pass goes on with smaller batches to the same numbers, a training says what to change."""

import gc
import signal
import sys
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import benchmark.training.train
from benchmark.cli import main as cli
from benchmark.data.feed import Feed, open_feed
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.errors import UserError
from benchmark.networks.backbones.by_name import TinyPyramid
from benchmark.networks.mti_net import MtiNet
from benchmark.networks.pad_net import PadNet
from benchmark.random_streams import global_torch_stream
from benchmark.tasks.edge import EdgeMeter
from benchmark.training.evaluate import evaluate
from benchmark.training.hardware.memory import in_parts
from benchmark.training.observe import observe
from strategies.interface import Strategy

CPU = torch.device("cpu")
SAID = (
    "The memory of cpu is too small for {} images at a time (recipe.evaluation_batch_size): took {} at a time"
)


class Numbers(Feed):
    """So many images, which nobody looks at."""

    def __init__(self, count):
        self.ids, self.device = tuple(map(str, range(count))), CPU


def allocate_too_much():
    """Torch's own error, for want of 4 petabytes."""
    torch.empty(10**15)


def raising(error):
    def fail():
        raise error

    return fail


FULL = {
    "cuda": raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")),
    "cpu": allocate_too_much,
    "numpy": lambda: np.empty(10**17),
    "onednn": raising(RuntimeError("could not create a primitive")),
    "cublas": raising(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`")),
    "cublas handle": raising(
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasC`")
    ),
    "cudnn handle": raising(RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED")),
    "cudnn": raising(RuntimeError("FIND was unable to find an engine to execute this computation")),
    "cudnn 8": raising(RuntimeError("GET was unable to find an engine to execute this computation")),
    "cudnn 7": raising(RuntimeError("Unable to find a valid cuDNN algorithm to run convolution")),
    "cudnn 9": raising(RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")),
}


# Batches that are halved


def parts(count, size, fits, fail=FULL["cuda"]):
    """The parts that were done where more than ``fits`` images are too many, and what was said."""
    done, said = [], []

    def work(positions, batch):
        if len(positions) > fits:
            fail()
        assert batch is positions
        done.append(positions.tolist())

    in_parts(Numbers(count), size, iter, work, said.append)
    return done, said


@pytest.mark.parametrize("full", FULL)
def test_the_batch_that_fails_is_halved_and_so_are_all_after_it(full):
    done, said = parts(12, 5, 3, FULL[full])
    assert done == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert said == [SAID.format(5, 3)]


@settings(max_examples=30)  # garbage is collected in each
@given(count=st.integers(0, 40), size=st.integers(1, 50), fits=st.integers(1, 50))
def test_every_image_is_done_once_in_order_in_parts_that_fit(count, size, fits):
    done, said = parts(count, size, fits)
    assert [position for part in done for position in part] == list(range(count))
    assert all(len(part) <= min(size, fits) for part in done)
    assert len(said) == (min(count, size) > fits), "once, and only where it was needed"


def test_what_is_done_is_not_done_again_when_memory_fills_up_later():
    done = []

    def work(positions, _):
        if 5 in positions and len(positions) > 1:
            raise torch.OutOfMemoryError
        done.append(positions.tolist())

    in_parts(Numbers(10), 4, iter, work, lambda _: None)
    assert done == [[0, 1, 2, 3], [4], [5], [6], [7], [8], [9]]


def test_a_batch_that_cannot_even_be_read_is_halved():
    done = []

    def read(order):
        for positions in order:
            if len(positions) > 2:
                raise MemoryError
            yield positions

    in_parts(Numbers(6), 6, read, lambda positions, _: done.append(positions.tolist()), lambda _: None)
    assert done == [[0, 1], [2, 3], [4, 5]]


def test_a_single_image_that_does_not_fit_is_an_error_that_says_what_to_set():
    with pytest.raises(UserError) as caught:
        parts(12, 8, 0)
    for words in ("cpu", "single image", "images smaller", "another device", "recipe.precision to bf16"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("full", "repeated"), [("cudnn", True), ("cudnn handle", True), ("cuda", False)])
def test_words_that_may_mean_something_else_are_repeated(full, repeated):
    with pytest.raises(UserError, match="single image") as caught:
        parts(12, 8, 0, FULL[full])
    assert ("(torch said: " in str(caught.value)) is repeated


def test_kernels_are_not_searched_for_the_last_smaller_batch_alone(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    searched = []

    def work(positions, _):
        if len(positions) > 4:
            raise torch.OutOfMemoryError
        searched.append((len(positions), torch.backends.cudnn.benchmark))

    in_parts(Numbers(10), 8, iter, work, lambda _: None)
    assert searched == [(4, True), (4, True), (2, False)]
    assert torch.backends.cudnn.benchmark is True


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not match"), ValueError("out of memory"), KeyError()]
)
def test_other_errors_are_none_of_its_business(error):
    with pytest.raises(type(error)) as caught:
        parts(12, 8, 0, raising(error))
    assert caught.value is error


@pytest.mark.parametrize("cyclic", [False, True])
def test_nothing_of_the_failed_attempt_is_alive_in_the_next_one(cyclic):
    left, batches = [], []

    def read(order):
        for positions in order:
            batch = torch.zeros(len(positions))
            batches.append(weakref.ref(batch))
            yield batch
            del batch

    def work(positions, batch):
        assert all(tensor() is None for tensor in left)
        assert sum(tensor() is not None for tensor in batches) == 1, "the batch at hand"
        activations = batch + 1
        if len(positions) > 2:
            left.append(weakref.ref(activations))
            held = [activations]
            if cyclic:
                held.append(held)
            raise torch.OutOfMemoryError

    gc.disable()
    try:
        in_parts(Numbers(8), 8, read, work, lambda _: None)
    finally:
        gc.enable()
    assert len(left) == 2


def test_a_feed_that_reads_ahead_starts_again_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path))
    rooms = open_rooms(RoomsConfig(pool=9, val=1, height=16, width=16))
    feed, images = open_feed(rooms, "train", CPU, "disk"), []

    def work(positions, batch):
        if len(positions) > 2:
            raise torch.OutOfMemoryError
        images.append(batch.images)

    in_parts(feed, 4, feed.batches, work, lambda _: None)
    assert torch.equal(torch.cat(images), feed.images(np.arange(9)))


# Evaluation and the pool pass


class Narrow:
    """A network that has room for the activations of three images."""

    room = 3

    def heads(self, maps, size):
        outputs = super().heads(maps, size)
        if len(maps[0]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return outputs


class NarrowPadNet(Narrow, PadNet):
    pass


class NarrowMtiNet(Narrow, MtiNet):
    pass


@pytest.fixture(scope="module", params=[NarrowPadNet, NarrowMtiNet], ids=["pad_net", "mti_net"])
def narrow(request, toy):
    with global_torch_stream(7):
        return request.param(TinyPyramid(), toy.feed.tasks, 8)


def test_evaluation_with_full_memory_gives_the_metrics_of_smaller_batches(toy, narrow, monkeypatch):
    said = []
    got = evaluate(narrow, toy.feed, 12, say=said.append)
    assert got == evaluate(narrow, toy.feed, 3)
    monkeypatch.setattr(Narrow, "room", 12)
    whole = evaluate(narrow, toy.feed, 12)
    for task, metrics in whole.items():
        assert dict(got[task]) == pytest.approx(dict(metrics), rel=1e-3, abs=1e-3)
    assert said == [SAID.format(12, 3)]


@pytest.mark.parametrize("room", [3, 5])
def test_no_meter_counts_a_batch_twice_that_failed_half_way(toy, monkeypatch, room):
    """The last task's meter has no room after those of the other tasks have counted the batch."""
    network, update = toy.fresh(), EdgeMeter.update
    expected = evaluate(network, toy.feed, 3)
    failed = []

    def short_of_memory(self, prediction, label):
        update(self, prediction, label)
        if len(label) > room:
            failed.append(len(label))
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(EdgeMeter, "update", short_of_memory)
    assert evaluate(network, toy.feed, 12) == expected
    assert failed == [12, 6]


class Everything(Strategy):
    """Measures the outputs and all kinds of views of them."""

    views = ("flip", "dropout-1", "dropout-2")

    def measure(self, outputs):
        named = {"plain": outputs, **{name: outputs.views[name] for name in self.views}}
        return {name: each.refined["normals"].mean((2, 3)) for name, each in named.items()}


def test_the_pool_pass_with_full_memory_gives_the_rows_of_smaller_batches(toy, narrow, monkeypatch):
    def rows(size, say):
        return observe(narrow, None, toy.feed, Everything(), "everything", toy.streams, size, say=say)

    said = []
    got, smaller = rows(12, said.append), rows(3, said.append)
    monkeypatch.setattr(Narrow, "room", 12)
    whole = rows(12, said.append)
    assert len(got) == 4
    for name, values in got.items():
        np.testing.assert_array_equal(values, smaller[name])
        np.testing.assert_allclose(values, whole[name], rtol=1e-3, atol=1e-4)
    assert said == [SAID.format(12, 3)]


def test_a_strategy_that_fills_the_memory_is_shown_fewer_images(toy):
    class Pairwise(Strategy):
        def measure(self, outputs):
            count = len(outputs.refined["depth"])
            if count > 5:
                allocate_too_much()
            return {"mean": outputs.refined["depth"].mean((1, 2, 3))}

    rows = observe(toy.fresh(), None, toy.feed, Pairwise(), "pairwise", toy.streams, 12)
    expected = observe(toy.fresh(), None, toy.feed, Pairwise(), "pairwise", toy.streams, 3)
    np.testing.assert_array_equal(rows["mean"], expected["mean"])


# Training


class TooLarge(PadNet):
    """A network whose training fills the memory at its second batch."""

    batches = 0

    def heads(self, maps, size):
        TooLarge.batches += self.training
        if self.training and TooLarge.batches % 2 == 0:
            allocate_too_much()
        return super().heads(maps, size)


@pytest.fixture
def too_large(monkeypatch):
    make = lambda _, tasks: TooLarge(TinyPyramid(), tasks, 8, 1)  # noqa: E731
    monkeypatch.setattr(benchmark.training.train, "build_network", make)


def test_training_with_full_memory_says_what_to_change(toy, too_large):
    with pytest.raises(UserError) as caught:
        toy.train(batch_size=6)
    assert str(caught.value) == (
        "The memory of cpu is too small to train pad_net with backbone tiny in fp32 on 6 images "
        "(recipe.batch_size) of 32 x 32 at a time: set recipe.precision to bf16, or lower recipe.batch_size, "
        "for all strategies alike, because that is another recipe."
    )


def test_the_sentence_names_the_window_and_does_not_advise_what_is_done_already(toy, too_large):
    with pytest.raises(UserError, match=r"in bf16 on 4 images .* of 16 x 24 at a time: lower recipe\.batch"):
        toy.train(precision="bf16", augmentation={"crop": (16, 24)})


def test_other_errors_of_training_are_not_hidden(toy, monkeypatch):
    monkeypatch.setattr(PadNet, "heads", lambda *_: raising(RuntimeError("shapes do not match"))())
    with pytest.raises(RuntimeError, match="shapes do not match"):
        toy.train()


def test_a_run_whose_training_does_not_fit_says_so_and_leaves_no_round(
    too_large, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    options = "--strategies random --seeds 1 --device cpu --out out --set recipe.iterations=3"
    data = "--set data.pool=8 --set data.val=2 --set data.height=16 --set data.width=16 --set budgets=[4,5]"
    monkeypatch.setattr(sys, "argv", ["mtal", "run", *options.split(), *data.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code != 0
    assert "too small to train pad_net with backbone tf_efficientnet_lite0" in said.err
    assert "(recipe.batch_size) of 16 x 16" in said.err
    assert "Traceback" not in said.err + said.out
    assert not [*(tmp_path / "out").rglob("round-*.json"), *(tmp_path / "out").rglob("*.pt")]
    kept = [file.read_text() for file in (tmp_path / "out").rglob("error.txt")]
    assert kept  # for `mtal status`
    assert not any("Traceback" in text for text in kept)
