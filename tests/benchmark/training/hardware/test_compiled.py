"""A compiled network is trained as the same network: its weights, names and digest are its own."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmark.errors import UserError
from benchmark.execution.run import run
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.pad_net import PadNet
from benchmark.progress import Progress
from benchmark.protocol.open_experiment import opened
from benchmark.protocol.round_key import key_of
from benchmark.training.hardware.compiled import check_compiler, compiled
from benchmark.training.losses import in_one_graph
from benchmark.training.train import weights_digest

COMPILE = torch.compile


@pytest.fixture
def traced(monkeypatch):
    """Traces as compiling does and then runs the traced operations as they are: quick, and the same bits."""
    calls = []

    def trace(network, **options):
        calls.append(options)
        return COMPILE(network, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", trace)
    return calls


@pytest.mark.parametrize("network", ["pad_net", "mti_net"])
def test_network_and_losses_are_one_graph_that_the_next_network_takes_over(toy, network):
    """``fullgraph`` raises at the first thing that would break the graph, autocast and losses included."""
    config, tasks = NetworkConfig(name=network, width=4), toy.tasks()[::2]  # semseg, normals
    batch = toy.feed_of([toy.sample(0), toy.sample(1)], tasks).batch(np.arange(2))
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters["stats"]
    counters.clear()
    traced = COMPILE(in_one_graph, backend="eager", fullgraph=True, dynamic=False)
    for _ in range(2):
        net = build_network(config, tasks).train()
        outputs, losses = traced(net, batch.images, None, batch.labels, tasks, "bf16")
        (losses.refined + losses.initial).sum().backward()
        assert all(p.grad is not None for p in net.parameters())
    assert counters["unique_graphs"] == 1
    assert (outputs.refined["semseg"].dtype, losses.refined.dtype) == (torch.float32, torch.float32)


def test_the_kernels_of_a_gpu_are_started_together_where_that_is_asked_for(monkeypatch):
    begun, options = [], []
    monkeypatch.setattr(torch, "compile", lambda step, **how: options.append(how) or step)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: begun.append(1))
    step = compiled(lambda number: number + 1, "reduce-overhead")
    assert [step(1), step(2)] == [2, 3]
    assert (begun, options) == ([1, 1], [{"dynamic": False, "mode": "reduce-overhead"}])


def test_that_is_refused_on_a_cpu(small_experiment, tmp_path):
    experiment = small_experiment(recipe={"iterations": 3, "compile": "reduce-overhead"})
    with pytest.raises(UserError, match=r"recipe\.compile: reduce-overhead .* on the cpu: set it to"):
        opened(experiment, tmp_path, Progress(quiet=True))


def test_another_way_to_compile_is_one_sentence(small_experiment):
    with pytest.raises(UserError, match=r"must be true, false or reduce-overhead, not 'max'"):
        small_experiment(recipe={"compile": "max"})


def test_training_goes_through_the_compiled_network_and_keeps_the_plain_one(toy, traced):
    plain = toy.train()
    assert traced == []
    compiled = toy.train(compile=True)
    assert traced == [{"dynamic": False}]
    assert type(compiled.network) is PadNet
    assert list(compiled.network.state_dict()) == list(plain.network.state_dict())
    assert weights_digest(compiled.network) == weights_digest(plain.network)


def test_compiling_is_part_of_the_key_for_it_may_change_last_bits(small_bench, tmp_path):
    recipes = ({"iterations": 3, "compile": asked} for asked in (False, True))
    keys = {key_of(small_bench(tmp_path, recipe=recipe), "random", 0, 0, [], None) for recipe in recipes}
    assert len(keys) == 2


def broken(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch, "compile", fail)


@pytest.mark.parametrize(
    ("device", "error", "words"),
    [
        ("cpu", RuntimeError("No compiler found.\n\nand a trace"), "a C++ compiler (No compiler found); set"),
        ("cuda", AssertionError(), "a C compiler and Triton (AssertionError); set it to false."),
    ],
)
def test_a_machine_that_cannot_compile_is_told_so(monkeypatch, device, error, words):
    broken(monkeypatch, error)
    with pytest.raises(UserError) as caught:
        check_compiler(torch.device(device))
    assert str(caught.value).startswith(
        f"recipe.compile: this machine cannot compile for {device}, which takes"
    )
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_that_is_said_before_any_work(small_experiment, tmp_path, monkeypatch):
    broken(monkeypatch, RuntimeError("no compiler"))
    monkeypatch.setattr("benchmark.protocol.bench.data_of", lambda *_: pytest.fail("opened the data"))
    experiment = small_experiment(recipe={"iterations": 3, "compile": True})
    for command in (run, opened):
        with pytest.raises(UserError, match="cannot compile for cpu"):
            command(experiment, tmp_path / "results", Progress(quiet=True))
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_without_a_compiler_the_command_says_so(tmp_path):
    environment = {**os.environ, "CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    command = "run --device cpu --set recipe.compile=true --out results"
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *command.split()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "recipe.compile: this machine cannot compile for cpu" in error
    assert "/nowhere/c++" in error
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_for_real_it_repeats_its_bits_and_is_nearly_the_uncompiled_one(toy):
    try:
        check_compiler(torch.device("cpu"))
    except UserError as error:
        pytest.skip(str(error))
    frames = torch._dynamo.utils.counters["frames"]
    frames.clear()
    first = toy.train(compile=True).network
    compiled_frames = frames["ok"]
    second = toy.train(compile=True).network
    assert frames["ok"] == compiled_frames > 0, "the second network takes the first one's code over"
    assert weights_digest(first) == weights_digest(second)
    plain = toy.train().network
    for (name, one), (_, other) in zip(first.named_parameters(), plain.named_parameters(), strict=True):
        assert np.allclose(one.detach(), other.detach(), atol=0.01), name
