"""Cross-task consistency: planes with known normals, borders and parts by hand, and who has a pair."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import baselines  # noqa: F401
from baselines.cross_task import (
    FRAMES,
    SIGNS,
    borders_without_edge,
    normals_of_depth,
    parts_not_salient,
    surfaces_disagree,
)
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import TaskSpec
from strategies.registry import RegistryError, resolve

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS
EDGE = TaskSpec("edge", "binary", 1, SALIENCY.loss)
PARTS = TaskSpec("human_parts", "categorical", 7, SEMSEG.loss)
SIZE, FOCAL = (9, 12), 0.7


def unit(vector):
    return np.asarray(vector, float) / np.linalg.norm(vector)


def plane(normal, distance=2.0, size=SIZE, focal=FOCAL):
    """Depth (1 x 1 x H x W) of a plane that faces the viewer, by cutting it with the ray of every pixel."""
    height, width = size
    depth = np.empty(size)
    for row in range(height):
        for column in range(width):
            x = (column + 0.5 - width / 2) / (focal * width)
            y = -(row + 0.5 - height / 2) / (focal * width)
            depth[row, column] = -distance / np.dot(normal, [x, y, -1])
    return torch.tensor(depth, dtype=torch.float32)[None, None]


def field(normal, size=SIZE):
    return torch.tensor(normal, dtype=torch.float32).reshape(1, 3, 1, 1).expand(1, 3, *size)


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.3, 0, 1), (0, 0.4, 1), (-0.2, 0.3, 1), (0.5, -0.4, 1)])
def test_a_plane_has_its_normal_at_every_pixel(normal):
    found = normals_of_depth(plane(unit(normal)), FOCAL)
    assert found.shape == (1, 3, SIZE[0] - 2, SIZE[1] - 2)
    found = found / found.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(found, field(unit(normal), (SIZE[0] - 2, SIZE[1] - 2)), atol=1e-4)


@pytest.mark.parametrize("unit_of_depth", [1, 0.001, 1000])
def test_a_wrong_normal_disagrees_by_its_cosine_in_any_unit_of_depth(unit_of_depth):
    true, other = unit([0.3, 0.2, 1]), unit([-0.4, 0.1, 1])
    depth = plane(true) * unit_of_depth
    for said, expected in ((true, 0), (-3 * true, 0), (other, 1 - abs(true @ other))):
        found = surfaces_disagree(depth, field(said), FOCAL, (1, 1))
        np.testing.assert_allclose(found, np.full(found.shape, expected), atol=1e-5)


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("z", [1, -1])
def test_of_frames_that_is_taken_under_which_the_pool_agrees(signs, z):
    """Normals stored with axes turned round: image 2 alone is wrong, whatever the axes."""
    planes = [unit([0.3, 0.2, 1]), unit([-0.1, 0.4, 1]), unit([0.2, -0.3, 1]), unit([-0.4, -0.2, 1])]
    said = [*planes[:2], unit([-0.6, 0.5, 1]), planes[3]]
    stored = [vector * [*signs, z] for vector in said]
    depth = torch.cat([plane(each) for each in planes])
    outputs = made_up_outputs((DEPTH, NORMALS), images=4)
    outputs = replace(outputs, refined={"depth": depth, "normals": torch.cat([field(n) for n in stored])})
    named = resolve(f"cross-task[focal={FOCAL}]")
    probe = Probe(named)
    rows = probe.measured(outputs)
    assert rows[FRAMES].shape == (4, 4)
    scores = named.create().scores(probe.pool(outputs, labelled=1))
    expected = [0, 0, 1 - abs(planes[2] @ said[2]), 0]
    for task in ("depth", "normals"):
        np.testing.assert_allclose(scores[task], expected, atol=1e-5)


def test_a_border_without_an_edge_counts_and_an_edge_without_a_border_does_not():
    """Left half of class 0, right half of class 1, and an edge beside the border in the upper rows alone."""
    classes = torch.zeros(1, 2, 4, 6)
    classes[:, 1, :, 3:] = 5
    edge = torch.full((1, 1, 4, 6), -100.0)
    edge[..., :2, 1] = 100  # a pixel from the border, which lies at column 2
    edge[..., 3, 5] = 100  # an edge where no border is
    found = borders_without_edge(classes, edge)
    expected = np.zeros((1, 4, 6))
    expected[0, 3, 2] = 1  # rows 0 to 2 are within a pixel of the edge in rows 0 and 1
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_borders_equal_a_loop_over_pixels():
    outputs = made_up_outputs((SEMSEG, SALIENCY), images=2)
    classes, edge = outputs.refined["semseg"], outputs.refined["saliency"]
    most, p = classes.argmax(1).numpy(), edge.double().sigmoid().numpy()[:, 0]
    expected = np.zeros(most.shape)
    for image, row, column in np.ndindex(*most.shape):
        corner = most[image, row : row + 2, column : column + 2]
        other = (corner[1:, 0] != corner[0, 0]).any() or (corner[0, 1:] != corner[0, 0]).any()
        near = p[image, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max()
        expected[image, row, column] = other * (1 - near)
    np.testing.assert_allclose(borders_without_edge(classes, edge), expected, atol=1e-6)


def test_parts_should_be_salient_and_what_is_salient_need_be_no_part():
    parts = torch.tensor([[9.0, 0, 0], [-9, 0, 0]]).reshape(2, 3, 1, 1)
    for saliency, expected in ((20.0, [0, 0]), (-20.0, [0, 1])):
        said = parts_not_salient(parts, torch.full((2, 1, 1, 1), saliency)).flatten()
        np.testing.assert_allclose(said, expected, atol=1e-3)


def test_each_pair_that_is_there_scores_both_its_tasks_and_no_other():
    named = resolve("cross-task")

    def scored(*tasks):
        probe = Probe(named)
        return set(named.create().scores(probe.pool(made_up_outputs(tasks))))

    assert scored(DEPTH, NORMALS, SEMSEG) == {"depth", "normals"}
    assert scored(SEMSEG, EDGE, DEPTH) == {"semseg", "edge"}
    assert scored(PARTS, SALIENCY, EDGE) == {"human_parts", "saliency"}
    everything = (SEMSEG, PARTS, SALIENCY, EDGE, DEPTH, NORMALS)
    assert scored(*everything) == {task.name for task in everything}


def test_maps_are_what_is_averaged_where_axes_are_the_usual_ones():
    outputs = made_up_outputs((SEMSEG, EDGE, DEPTH, NORMALS), images=3)
    strategy = resolve("cross-task").create()
    maps, rows = strategy.maps(outputs), strategy.measure(outputs)
    torch.testing.assert_close(maps["edge"].mean((1, 2)), rows["edge"])
    torch.testing.assert_close(maps["normals"].mean((1, 2)), rows[FRAMES][:, 0])


def test_tasks_of_other_names_are_told_by_parameters():
    far = replace(DEPTH, name="distance")
    resolve("cross-task[depth=distance]").create().check((far, NORMALS))
    with pytest.raises(ValueError, match="no two tasks can be compared: it compares depth with normals, sem"):
        resolve("cross-task").create().check((far, NORMALS))
    with pytest.raises(ValueError, match="there is: depth, normals"):  # of another kind
        resolve("cross-task").create().check((DEPTH, replace(SEMSEG, name="normals")))


def test_a_task_that_is_compared_with_none_cannot_decide():
    resolve("cross-task[task=depth]").create().check(TASKS)
    with pytest.raises(ValueError, match="task=semseg is compared with none; compared are: depth, normals"):
        resolve("cross-task[task=semseg]").create().check(TASKS)
    with pytest.raises(ValueError, match="task=semseg is compared with none"):
        resolve("power[base=cross-task[task=semseg]]").create().check(TASKS)


def test_a_camera_of_no_length_is_refused():
    with pytest.raises(RegistryError, match="focal must be more than 0"):
        resolve("cross-task[focal=0]").create()
