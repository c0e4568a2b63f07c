"""How fast this machine trains, evaluates and passes over the pool, beside what it could do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.experiment.recipe import Recipe
from benchmark.measure.plain_loop import plain_steps
from benchmark.networks import Network, build_network
from benchmark.protocol.bench import Bench
from benchmark.protocol.train_and_evaluate import forget_peak, peak_memory_mb, wait_for
from benchmark.random_streams import Streams
from benchmark.training.evaluate import evaluate
from benchmark.training.forward import Precision, products_in
from benchmark.training.known_labels import KnownLabels
from benchmark.training.observe import observe
from benchmark.training.train import train, training_batches
from strategies.registry import resolve

WARM_UP = 3
BACKWARD = 2  # a backward pass costs two forward passes: gradients of weights and of inputs


@dataclass(frozen=True)
class Profile:
    """Images a second, shares of a training step, memory, and arithmetic."""

    train: float
    #: Training without ``recipe.compile``, where that is set.
    uncompiled: float | None
    plain: float
    evaluation: float
    pool_pass: float
    feed_share: float
    peak_memory_mb: float
    train_flops: float
    matmul_flops: float
    precision: Precision

    def text(self) -> str:
        """One line a figure."""
        rows: Mapping[str, str] = {
            "training": f"{self.train:.1f} images/s{self._gain}",
            "plain loop with a DataLoader": f"{self.plain:.1f} images/s; training is "
            f"{self.train / self.plain:.2f} times as fast",
            "evaluation": f"{self.evaluation:.1f} images/s",
            "pool pass": f"{self.pool_pass:.1f} images/s (consistency-diversity)",
            "feed and augmentation": f"{100 * self.feed_share:.1f} % of a training step",
            "peak memory in training": f"{self.peak_memory_mb:.0f} MB",
            "arithmetic in training": f"{self.train_flops / 1e12:.3f} TFLOP/s, {100 * self._share:.0f} % of "
            f"what a large matrix product reaches here in {self.precision} ({self.matmul_flops / 1e12:.3f})",
        }
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())

    @property
    def _gain(self) -> str:
        if self.uncompiled is None:
            return ""
        times = self.train / self.uncompiled
        return f", compiled; {times:.2f} times as fast as uncompiled ({self.uncompiled:.1f})"

    @property
    def _share(self) -> float:
        return self.train_flops / self.matmul_flops


def profile(bench: Bench, iterations: int = 20) -> Profile:
    """Measure on the experiment's data, network, recipe and device, each after a warm-up."""
    recipe = bench.experiment.recipe
    batch, uncompiled = recipe.batch_size, recipe.model_copy(update={"compile": False})
    forget_peak(bench.device)
    step, network = training_step(bench, recipe, iterations)
    peak = peak_memory_mb(bench.device)
    feed = seconds_of(lambda: _drain(bench, iterations), bench.device) / iterations
    val, pool = len(bench.dataset.val.ids), len(bench.dataset.train.ids)
    return Profile(
        train=batch / step,
        uncompiled=batch / training_step(bench, uncompiled, iterations)[0] if recipe.compile else None,
        plain=batch / plain_steps(bench, iterations),
        evaluation=val / seconds_of(lambda: _evaluate(bench, network), bench.device),
        pool_pass=pool / seconds_of(lambda: _observe(bench, network), bench.device),
        feed_share=feed / step,
        peak_memory_mb=peak,
        train_flops=training_flops(bench) * batch / step,
        matmul_flops=matmul_flops(bench.device, recipe.precision),
        precision=recipe.precision,
    )


def training_step(
    bench: Bench, recipe: Recipe, iterations: int, warm_up: int = WARM_UP
) -> tuple[float, Network]:
    """Seconds of one step of the real training, and the network for what comes after.

    Its random streams are no run's. The rate is nearly 0, and pre-trained weights are not loaded: neither
    changes the time, and a recipe that diverges shall do so in a run.
    """
    started: list[float] = []

    def clock(done: int) -> None:
        if done == warm_up:
            wait_for(bench.device)
            started.append(time.perf_counter())

    few = recipe.model_copy(
        update={"iterations": warm_up + iterations, "epochs": None, "learning_rate": 1e-12}
    )
    network = bench.experiment.network.model_copy(update={"pretrained": False})
    everything = np.arange(len(bench.dataset.train.ids))
    trained = train(bench.pool, everything, None, network, few, Streams("timing", 0, 0), {}, clock)
    wait_for(bench.device)
    return (time.perf_counter() - started[0]) / iterations, trained.network


def training_flops(bench: Bench) -> float:
    """Floating-point operations of one image in a training step, counted without computing it.

    A frozen backbone has no backward pass, and where its maps are kept no forward pass either.
    """
    height, width = bench.dataset.train[0].image.shape[:2]
    network = build_network(bench.experiment.network, bench.dataset.tasks).eval().to("meta")
    image = torch.empty(1, 3, height, width, device="meta")
    if network.backbone.trunk is None:
        return (1 + BACKWARD) * _flops(lambda: network(image))
    maps = network.trunk_maps(image)
    recomputed = bench.experiment.network.maps == "recomputed"
    trunk = _flops(lambda: network.trunk_maps(image)) if recomputed else 0
    return trunk + (1 + BACKWARD) * _flops(lambda: network(image, maps))


def _flops(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return float(counter.get_total_flops())


def matmul_flops(device: torch.device, precision: Precision) -> float:
    """Floating-point operations a second of a large matrix product in this arithmetic on this device."""
    size = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    repeats = 10
    with products_in(device, precision):
        seconds = seconds_of(lambda: [a @ b for _ in range(repeats)], device) / repeats
    return 2 * size**3 / seconds


def _drain(bench: Bench, iterations: int) -> None:
    recipe = bench.experiment.recipe.model_copy(update={"iterations": iterations, "epochs": None})
    everything = np.arange(len(bench.dataset.train.ids))
    for _ in training_batches(bench.pool, KnownLabels(everything), recipe, bench.streams(0, 0)):
        pass


def _evaluate(bench: Bench, network: Network) -> None:
    recipe = bench.experiment.recipe
    evaluate(network, bench.val, recipe.evaluation_batch_size, recipe.precision, bench.progress.say)


def _observe(bench: Bench, network: Network) -> None:
    recipe = bench.experiment.recipe
    named = resolve("consistency-diversity")
    streams, size, say = bench.streams(0, 0), recipe.evaluation_batch_size, bench.progress.say
    observe(network, None, bench.pool, named.create(), named.name, streams, size, recipe.precision, say)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the work takes the second time."""
    work()
    wait_for(device)
    started = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - started
