"""Cross-task consistency: do the predictions of two tasks that describe one thing agree?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from strategies import Outputs, Pool, ScoreStrategy, TaskSpec, register
from strategies.interface import Kind, Scores
from strategies.scoring import ALL

if TYPE_CHECKING:
    from torch import Tensor

Wanted = tuple[str, Kind]
FRAMES = ".frames"  # no task can be called that
#: Which way x and y of a frame may point, z being what its sign is measured by.
SIGNS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
TOLERANCE = 3  # an edge may lie on either side of a border between two pixels: the window is 3 x 3


@register(
    "cross-task",
    source="after Hekimoglu, Friedrich, Zimmer et al. 2023, arXiv 2306.12398 (Multi-Task Consistency)",
)
class CrossTask(ScoreStrategy):
    """Disagreement between the refined predictions of two tasks, mean over pixels, for the pairs there are.

    Depth and normals: 1 - |cosine| of the predicted normal and that of the surface which predicted depth
    describes, from central differences. Classes and edges: at a border of predicted classes, the probability
    of no edge within a pixel. Saliency and human parts: the probability of a part times that of not salient,
    for people draw the eye. Both tasks of a pair have its score. An edge without a border, as a crease, is no
    disagreement, and neither is what is salient and no person.
    The source couples object detection and semantic segmentation by three constraints; here are other tasks,
    so the idea is its, and pairs and measures are ours.
    Assumed of the camera, which no data set tells: the optical axis meets the middle of the image, pixels are
    square, and the focal length is that of the parameter. Nothing is assumed of which way the normals' axes
    point but that they are the camera's: of all choices of sign that is taken under which the pool agrees
    most. (Labels of rooms, whose focal length is .61, disagree by .03 under theirs and by .17 to .30 under
    others; with a focal length of .8 by .04, with 1.2 by .06: it matters little.)
    focal: length in widths of the image: 0.8 is an angle of view of 64 degrees, and NYUD-v2's is 0.81.
    depth, normals, classes, edge, saliency, parts: what the tasks are called.
    """

    def __init__(
        self,
        focal: float = 0.8,
        depth: str = "depth",
        normals: str = "normals",
        classes: str = "semseg",
        edge: str = "edge",
        saliency: str = "saliency",
        parts: str = "human_parts",
    ) -> None:
        if focal <= 0:
            raise ValueError(f"cross-task: focal must be more than 0, not {focal}")
        self.focal = focal
        self.surfaces: tuple[Wanted, Wanted] = (depth, "scalar"), (normals, "direction")
        self.borders: tuple[Wanted, Wanted] = (classes, "categorical"), (edge, "binary")
        self.people: tuple[Wanted, Wanted] = (parts, "categorical"), (saliency, "binary")

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse tasks of which no two are compared, and a task that is not."""
        super().check(tasks)
        pairs = (self.surfaces, self.borders, self.people)
        scored = [name for pair in pairs if are_there(pair, tasks) for name, _ in pair]
        there = ", ".join(task.name for task in tasks)
        if not scored:
            compared = ", ".join(f"{one} with {two}" for (one, _), (two, _) in pairs)
            raise ValueError(f"no two tasks can be compared: it compares {compared}; there is: {there}")
        if self.task not in (ALL, *scored):
            raise ValueError(f"task={self.task} is compared with none; compared are: {', '.join(scored)}")

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The disagreement of both tasks of a pair (B each); of surfaces under every sign (B x 4)."""
        import torch

        means = {task: values.mean((1, 2)) for task, values in self._flat_maps(outputs).items()}
        if not are_there(self.surfaces, outputs.tasks):
            return means
        disagreements = [self._surfaces_disagree(outputs, signs).mean((1, 2)) for signs in SIGNS]
        return means | {FRAMES: torch.stack(disagreements, 1)}

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where two tasks disagree (B x h x w), normals being of x to the right and y up."""
        maps = self._flat_maps(outputs)
        if not are_there(self.surfaces, outputs.tasks):
            return maps
        return maps | dict.fromkeys(_names(self.surfaces), self._surfaces_disagree(outputs, SIGNS[0]))

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """The disagreements of all N images by task."""
        if FRAMES not in pool.rows:
            return super().scores(pool)
        frames = pool.rows[FRAMES].astype("float64")
        surfaces = frames[:, frames.mean(0).argmin()]
        others = super().scores(pool) if any(task.name in pool.rows for task in pool.tasks) else {}
        return others | dict.fromkeys(_names(self.surfaces), surfaces)

    def _flat_maps(self, outputs: Outputs) -> dict[str, Tensor]:
        """Of the pairs that need no geometry."""
        maps: dict[str, Tensor] = {}
        for pair, disagree in ((self.borders, borders_without_edge), (self.people, parts_not_salient)):
            if are_there(pair, outputs.tasks):
                one, two = _names(pair)
                maps |= dict.fromkeys((one, two), disagree(outputs.refined[one], outputs.refined[two]))
        return maps

    def _surfaces_disagree(self, outputs: Outputs, signs: tuple[float, float]) -> Tensor:
        depth, normals = (outputs.refined[name] for name in _names(self.surfaces))
        return surfaces_disagree(depth, normals, self.focal, signs)


def are_there(pair: tuple[Wanted, Wanted], tasks: Sequence[TaskSpec]) -> bool:
    """Whether both tasks of a pair are, by name and kind."""
    return set(pair) <= {(task.name, task.kind) for task in tasks}


def _names(pair: tuple[Wanted, Wanted]) -> tuple[str, str]:
    (one, _), (two, _) = pair
    return one, two


def surfaces_disagree(depth: Tensor, normals: Tensor, focal: float, signs: tuple[float, float]) -> Tensor:
    """1 - |cosine| of normals and those of depth (B x H - 2 x W - 2).

    x and y of the first are multiplied by the signs.
    """
    import torch
    import torch.nn.functional as F

    inner = normals[..., 1:-1, 1:-1]
    turned = torch.cat([inner[:, :1] * signs[0], inner[:, 1:2] * signs[1], inner[:, 2:]], 1)
    return 1 - F.cosine_similarity(turned, normals_of_depth(depth, focal), dim=1, eps=1e-12).abs()


def normals_of_depth(depth: Tensor, focal: float) -> Tensor:
    """Normals, of any length, of the surface seen by a pinhole camera (B x 3 x H - 2 x W - 2).

    x points to the right, y up and z towards the viewer. ``depth`` is B x 1 x H x W, along the optical axis;
    its unit does not matter.
    """
    import torch

    height, width = depth.shape[-2:]
    column = torch.arange(width, device=depth.device) - (width - 1) / 2
    row = torch.arange(height, device=depth.device)[:, None] - (height - 1) / 2
    z = depth.float()
    points = torch.cat([z * column / (focal * width), -z * row / (focal * width), -z], 1)
    right = points[..., 1:-1, 2:] - points[..., 1:-1, :-2]
    down = points[..., 2:, 1:-1] - points[..., :-2, 1:-1]
    across: Tensor = torch.linalg.cross(down, right, dim=1)
    return across


def borders_without_edge(classes: Tensor, edge: Tensor) -> Tensor:
    """Probability of no edge within a pixel of a border of classes (B x H x W).

    A border is where the right or the lower neighbour is of another class; elsewhere it is 0.
    """
    import torch.nn.functional as F

    most_likely = classes.argmax(1)
    border = classes.new_zeros(most_likely.shape)
    border[:, :, :-1] += (most_likely[:, :, :-1] != most_likely[:, :, 1:]).float()
    border[:, :-1] += (most_likely[:, :-1] != most_likely[:, 1:]).float()
    near = F.max_pool2d(edge.sigmoid(), TOLERANCE, stride=1, padding=TOLERANCE // 2)[:, 0]
    return border.clamp(max=1) * (1 - near)


def parts_not_salient(parts: Tensor, saliency: Tensor) -> Tensor:
    """Probability of a part, whichever, times that of not being salient (B x H x W); class 0 is no part."""
    return (1 - parts.softmax(1)[:, 0]) * (1 - saliency[:, 0].sigmoid())
