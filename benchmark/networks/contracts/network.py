"""The contract that every network keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on every network that is built in; ``mtal check FILE`` runs them on a
user's. Images, tasks of every kind, and the small backbone below it are made up: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.contracts.module import MODULE_CLAUSES, ModuleProbe, named, seeded, shape
from benchmark.networks.network import Network
from benchmark.tasks import make_task
from benchmark.tasks.task import Task
from strategies.interface import Outputs

#: One of every kind.
TASKS: tuple[Task, ...] = (
    make_task("semseg", classes=("a", "b", "c", "d")),
    make_task("depth"),
    make_task("normals"),
    make_task("edge"),
)
#: Of what built-in networks take, so that they are quick.
SMALL = {"width": 8}


@dataclass(frozen=True)
class Probe(ModuleProbe):
    """A network under test, on the ``tiny`` backbone."""

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Sides that fit the backbone, odd ones, and small ones."""
        return (64, 64), (33, 50), (47, 95), (16, 8)

    def network(self, tasks: Sequence[Task] = TASKS, seed: int = 0) -> Network:
        """A fresh one for these tasks."""
        with seeded(seed):
            return self._made(tasks)

    def made(self) -> nn.Module:
        """One for all tasks."""
        return self._made(TASKS)

    def _made(self, tasks: Sequence[Task]) -> Network:
        fields: dict[str, Any] = {name: SMALL[name] for name in SMALL if name in self.entry.fields}
        made: Network = self.entry.create(make_backbone("tiny"), tasks, **fields)
        return made

    def said(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Predictions and features."""
        outputs: Outputs = module(images)
        maps = {str(stage): features for stage, features in enumerate(outputs.backbone_features)}
        return {
            **predictions(outputs),
            **named("task_features", outputs.task_features),
            **named("backbone_features", maps),
        }

    def trained_on(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Both predictions of every task."""
        return predictions(module(images))


def predictions(outputs: Outputs) -> dict[str, Tensor]:
    """Initial and refined predictions, by name."""
    coarser = {
        f"{task} {scale}": map_
        for task, maps in outputs.coarser_initial.items()
        for scale, map_ in enumerate(maps)
    }
    return {
        **named("initial", outputs.initial),
        **named("refined", outputs.refined),
        **named("coarser_initial", coarser),
    }


def predicts_every_task(probe: Probe) -> None:
    """An initial and a refined prediction and features for every task and no other, in its channels."""
    network = probe.network().eval()
    with torch.no_grad():
        outputs = network(probe.images())
    expected = {task.name: task.channels for task in TASKS}
    for what in ("initial", "refined", "task_features"):
        found = set(getattr(outputs, what))
        assert found == set(expected), f"{what} must have the tasks {_list(expected)}, not {_list(found)}"
    for what, maps in (("initial", outputs.initial), ("refined", outputs.refined)):
        for task, channels in expected.items():
            got = maps[task].shape[1]
            assert got == channels, f"{what}[{task}] has {got} channels, not the {channels} of the task"
    assert outputs.tasks == network.specs, "outputs.tasks must be self.specs"


def tells_the_channels_of_its_features(probe: Probe) -> None:
    """Companions are built from ``feature_channels`` and the backbone's channels: what is given agrees."""
    network = probe.network().eval()
    with torch.no_grad():
        outputs = network(probe.images())
    for task, channels in network.feature_channels.items():
        got = outputs.task_features[task].shape[1]
        assert got == channels, (
            f"task_features[{task}] has {got} channels, and feature_channels says {channels}"
        )
    got_maps = tuple(features.shape[1] for features in outputs.backbone_features)
    told = network.shapes.backbone_features
    assert got_maps == told, f"backbone_features have {got_maps} channels, and the backbone says {told}"


def takes_images_of_any_size(probe: Probe) -> None:
    """Refined predictions are as large as the images, initial ones no larger, whatever sides they have."""
    network = probe.network().eval()
    for place, (height, width) in enumerate(probe.sizes):
        with torch.no_grad():
            outputs = network(probe.images(2, place))
        for task, refined in outputs.refined.items():
            right = refined.shape[0] == 2 and refined.shape[2:] == (height, width)
            assert right, f"refined[{task}] of 2 images of {height} x {width} is {shape(refined)}"
        for task, initial in outputs.initial.items():
            right = len(initial) == 2 and 0 < initial.shape[2] <= height and 0 < initial.shape[3] <= width
            assert right, f"initial[{task}] of 2 images of {height} x {width} is {shape(initial)}"


def works_with_any_one_task(probe: Probe) -> None:
    """One task alone, of every kind."""
    for task in TASKS:
        with torch.no_grad():
            outputs = probe.network((task,)).eval()(probe.images())
        assert set(outputs.refined) == {task.name}, (
            f"with {task.name} alone it predicts {_list(outputs.refined)}"
        )


def is_decode_of_encode(probe: Probe) -> None:
    """``forward`` is ``decode`` of ``encode``: views change the maps in between, and use them again."""
    network, images = probe.network().eval(), probe.images(place=1)
    size = cast(tuple[int, int], tuple(images.shape[-2:]))
    with torch.no_grad():
        straight, maps = predictions(network(images)), network.encode(images)
        before = [features.clone() for features in maps]
        decoded = predictions(network.decode(maps, size))
        untouched = all(map(torch.equal, before, maps))
        others = predictions(network.decode([torch.zeros_like(features) for features in maps], size))
    assert untouched, "decode changes the maps that it is given"
    for name, tensor in straight.items():
        assert torch.equal(tensor, decoded[name]), f"{name} of decode(encode(images)) is not that of forward"
    reads = any(not torch.equal(tensor, others[name]) for name, tensor in straight.items())
    assert reads, "decode says the same of other maps: its predictions must come from the maps alone"


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    predicts_every_task,
    tells_the_channels_of_its_features,
    takes_images_of_any_size,
    works_with_any_one_task,
    is_decode_of_encode,
    *MODULE_CLAUSES,
)


def _list(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
