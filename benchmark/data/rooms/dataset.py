"""The ``rooms`` data sets: configuration, splits that render on access, and their tasks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.data.rooms.draws import Draws, stream
from benchmark.data.rooms.labels import make_labels
from benchmark.data.rooms.layout import furnish, light_up
from benchmark.data.rooms.raycast import Camera, cast
from benchmark.data.rooms.recipes import Variant
from benchmark.data.rooms.scene import CLASSES, Scene
from benchmark.data.rooms.shading import shade
from benchmark.data.rooms.viewpoint import look, walk

#: Raise it with every change of a pixel or a label: it is part of the digest.
RENDERER_VERSION = 1
#: Frames in a clip of the pool of ``rooms-video``.
CLIP_FRAMES = 10


class RoomsConfig(BaseModel):
    """Which rooms to draw, how many and how large."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Variant = Field(
        "rooms",
        description="Mixed rooms, rooms with rare classes in few of them, or walks of near-identical frames.",
    )
    pool: int = Field(400, ge=1, description="Number of images in the train split, the pool to select from.")
    val: int = Field(200, ge=1, description="Number of images in the val split.")
    height: int = Field(64, ge=16, description="Height of the images in pixels.")
    width: int = Field(64, ge=16, description="Width of the images in pixels.")
    seed: int = Field(0, description="Seed of the scenes: another seed is another data set of the same kind.")


SplitName = Literal["train", "val"]
View = tuple[Scene, Camera]


@dataclass(frozen=True)
class RoomsSplit:
    """A split that renders an image when it is asked for; nothing is kept."""

    config: RoomsConfig
    name: SplitName

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids that say variant, split and index (clip and frame in a video)."""
        count = self.config.pool if self.name == "train" else self.config.val
        return tuple(image_id(self.config.variant, self.name, index) for index in range(count))

    def __len__(self) -> int:
        return self.config.pool if self.name == "train" else self.config.val

    def __getitem__(self, position: int) -> Sample:
        """Render one image with its labels; raises IndexError outside 0..len - 1."""
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} is outside the {len(self)} images of {self.name}")
        config = self.config
        scene, camera = view(config.variant, config.seed, self.name, position)
        sensor = stream(config.variant, config.seed, self.name, position, "sensor")
        return render(scene, camera, config.height, config.width, sensor)


def image_id(variant: Variant, split: SplitName, index: int) -> str:
    """The id of image ``index``; it does not depend on the size of the split."""
    if variant != "rooms-video":
        return f"{variant}-{split}-{index:05d}"
    clip, frame = clip_frame(split, index)
    return f"{variant}-{split}-c{clip:03d}-f{frame:02d}"


def clip_frame(split: SplitName, index: int) -> tuple[int, int]:
    """Clip and frame of a video image; every val image has a clip of its own, so none is redundant."""
    return divmod(index, CLIP_FRAMES) if split == "train" else (index, 0)


def view(variant: Variant, seed: int, split: SplitName, index: int) -> View:
    """Scene and camera of one image, drawn from a stream of its own: no other image matters."""
    scene_index, frame = clip_frame(split, index) if variant == "rooms-video" else (index, 0)
    draws = Draws(stream(variant, seed, split, scene_index, "scene"))
    plan = furnish(variant, draws)
    scene = light_up(plan, draws)
    pose = walk(plan, draws, CLIP_FRAMES).at(frame) if variant == "rooms-video" else look(plan, draws)
    return scene, pose.camera()


def render(scene: Scene, camera: Camera, height: int, width: int, sensor: np.random.Generator) -> Sample:
    """Image and labels from one and the same set of ray hits; ``sensor`` draws the noise."""
    hits = cast(scene, camera, height, width)
    return Sample(image=shade(scene, hits, sensor), labels=make_labels(scene, camera, hits))


def open_rooms(config: RoomsConfig) -> MultiTaskDataset:
    """The data set of a configuration. Nothing is rendered yet."""
    from benchmark.tasks import make_task  # imports torch, which takes seconds

    names = ("depth", "normals", "edge", "saliency")
    train = RoomsSplit(config, "train")
    return MultiTaskDataset(
        name=config.variant,
        tasks=(make_task("semseg", classes=CLASSES), *map(make_task, names)),
        train=train,
        val=RoomsSplit(config, "val"),
        digest=_digest(config),
        facts=_facts(config),
        exact=True,
        groups=_clips(train) if config.variant == "rooms-video" else None,
    )


def _clips(split: RoomsSplit) -> dict[str, str]:
    """The clip of every frame, by their ids."""
    return {image: image.rpartition("-")[0] for image in split.ids}


def _digest(config: RoomsConfig) -> str:
    return hashlib.sha256(f"{RENDERER_VERSION}\n{config.model_dump_json()}".encode()).hexdigest()


def _facts(config: RoomsConfig) -> dict[str, Any]:
    labels = "exact: read off the ray hits that the image is shaded from"
    return {**config.model_dump(), "renderer": RENDERER_VERSION, "classes": CLASSES, "labels": labels}
