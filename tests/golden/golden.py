"""Golden selections: what every strategy picks on one small rooms pool, so that a change is seen in review.

``outputs.npz`` holds what a briefly trained network said of 32 rendered rooms, at low resolution and with
few channels, so that picks depend on neither training nor machine. ``make golden`` writes the picks anew;
``python tests/golden/golden.py outputs`` the network's outputs, which changes all picks.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench, open_bench
from benchmark.tasks import make_task
from benchmark.training.forward import forward
from benchmark.training.train import train
from strategies.contract import Probe
from strategies.interface import Outputs, TaskSpec
from strategies.registry import names, resolve

HERE = Path(__file__).parent
OUTPUTS, PICKS = HERE / "outputs.npz", HERE / "picks.json"
TASKS = ("semseg", "depth", "normals", "edge", "saliency")
IMAGES, BUDGET, CLASSES, SIZE = 32, 6, 14, (12, 12)
#: The contract's made-up pools have these widths, and companions are trained on those.
TASK_WIDTH, BACKBONE_WIDTHS = 6, (4, 8)


def picks(name: str) -> list[int]:
    """Positions that a strategy picks from the golden pool."""
    probe = Probe(resolve(name))
    return [int(position) for position in probe.choose(probe.pool(golden_outputs()), BUDGET).indices]


def named() -> list[str]:
    """Every registered strategy that needs nothing which no made-up pool has."""
    return [name for name in names() if not resolve(name).create().required]


def golden_outputs() -> Outputs:
    """The kept outputs of the network."""
    with np.load(OUTPUTS, allow_pickle=False) as kept:
        maps = {name: torch.from_numpy(kept[name].astype(np.float32)) for name in kept.files}
    specs = tuple(_spec(task) for task in TASKS)
    return Outputs(
        tasks=specs,
        initial={task: maps[f"initial {task}"] for task in TASKS},
        refined={task: maps[f"refined {task}"] for task in TASKS},
        task_features={task: maps[f"features {task}"] for task in TASKS},
        backbone_features=(maps["backbone 0"], maps["backbone 1"]),
    )


def write_picks() -> None:
    """Keep what is picked now."""
    lines = [f"  {json.dumps(name)}: {json.dumps(picks(name))}" for name in named()]
    PICKS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_outputs() -> None:
    """Render rooms, train briefly on half of them, and keep what the network says of all."""
    with tempfile.TemporaryDirectory() as folder:
        bench = open_bench(_experiment(), Path(folder), Progress(quiet=True))
        outputs = _said(bench)
    kept = {f"initial {task}": _small(outputs.initial[task], (4, 4)) for task in TASKS}
    kept |= {f"refined {task}": _small(outputs.refined[task], SIZE) for task in TASKS}
    kept |= {f"features {t}": _small(outputs.task_features[t][:, :TASK_WIDTH], (4, 4)) for t in TASKS}
    for number, width in enumerate(BACKBONE_WIDTHS):
        kept[f"backbone {number}"] = _small(outputs.backbone_features[number][:, :width], (4, 4))
    np.savez_compressed(OUTPUTS, **kept)


def _experiment():
    return validated(
        {
            "name": "golden",
            "dataset": "rooms",
            "data": {"pool": IMAGES, "val": 2, "height": 48, "width": 48},
            "network": {"width": 8, "blocks": 1},
            "recipe": {"iterations": 150, "batch_size": 8, "evaluation_batch_size": IMAGES},
            "budgets": [8, 16],
            "strategies": ["random"],
            "seeds": [0],
            "device": "cpu",
            "threads": 1,
        },
        "golden",
    )


@torch.no_grad()
def _said(bench: Bench) -> Outputs:
    recipe, half = bench.experiment.recipe, np.arange(0, IMAGES, 2)
    with torch.enable_grad():
        trained = train(bench.pool, half, None, bench.experiment.network, recipe, bench.streams(0, 0), {})
    (order,) = bench.pool.in_order(IMAGES)
    images = bench.pool.images(order)
    return forward(trained.network.eval(), images)


def _small(maps: Tensor, size: tuple[int, int]) -> np.ndarray:
    return F.adaptive_avg_pool2d(maps, size).numpy().astype(np.float16)


def _spec(task: str) -> TaskSpec:
    classes = tuple(map(str, range(CLASSES))) if task == "semseg" else ()
    return make_task(task, classes=classes).spec


if __name__ == "__main__":
    if sys.argv[1:] == ["outputs"]:
        write_outputs()
    write_picks()
