"""Every task's loss per image against plain NumPy in float64, with random invalid pixels."""

import numpy as np
import pytest
import torch

from benchmark.errors import UserError
from benchmark.tasks import BUILT_IN, IGNORE, make_task

B, H, W, CLASSES = 5, 7, 9, ("wall", "floor", "chair", "lamp")
NAMES = list(BUILT_IN)
#: Every task as it is, and every choice that changes a loss.
VARIANTS = [
    *((name, {}) for name in NAMES),
    ("normals", {"divisor": "pixels"}),
    ("edge", {"positive_weight": 0.8}),
    ("edge", {"balance": "image"}),
    ("saliency", {"balance": "image"}),
]


def task_named(name, **options):
    return make_task(name, classes=CLASSES if BUILT_IN[name].kind == "categorical" else (), **options)


def random_label(task, rng, share_invalid=0.3, count=B):
    """A sample-like label with a share of invalid pixels, encoded and batched."""
    shape = (count, H, W)
    bad = rng.random(shape) < share_invalid
    if task.kind == "categorical":
        label = np.where(bad, IGNORE, rng.integers(0, len(CLASSES), shape)).astype(np.uint8)
    elif task.kind == "binary":
        label = np.where(bad, IGNORE, rng.integers(0, 2, shape)).astype(np.uint8)
    elif task.kind == "scalar":
        label = np.where(bad, np.nan, rng.uniform(0.5, 9, shape)).astype(np.float32)
    else:
        vectors = rng.normal(size=(*shape, 3))
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        label = np.where(bad[..., None], 0, vectors).astype(np.float32)
    return torch.from_numpy(np.stack([task.encode(one) for one in label]))


def random_prediction(task, rng, count=B):
    return torch.from_numpy((3 * rng.normal(size=(count, task.channels, H, W))).astype(np.float32))


def numpy_loss(task, prediction, label):
    """Per pixel, then the mean of the valid pixels of each image; written down once more, pixel by pixel."""
    p, y = prediction.double().numpy(), label.double().numpy()
    losses = np.zeros(len(p))
    for image in range(len(p)):
        values, w = [], weight_of_positives(task, y[image])
        for row in range(H):
            for column in range(W):
                value = pixel_loss(task, p[image, :, row, column], y[image, ..., row, column], w)
                values += [] if value is None else [value]
        losses[image] = np.mean(values) if values else 0.0
    return losses


def weight_of_positives(task, y):
    if task.kind != "binary" or task.options.balance == "constant":
        return getattr(task.options, "positive_weight", None)
    known = y[y != IGNORE]
    return np.clip((known == 0).mean(), 0.01, 0.99) if known.size else None


def pixel_loss(task, p, y, w):
    if task.kind == "categorical":
        return None if y == 255 else np.log(np.exp(p).sum()) - p[int(y)]
    if task.kind == "binary":
        if y == 255:
            return None
        probability = 1 / (1 + np.exp(-p[0]))
        return -w * np.log(probability) if y == 1 else -(1 - w) * np.log(1 - probability)
    if task.kind == "scalar":
        return None if np.isnan(y) else abs(p[0] - y)
    elements = np.abs(p / np.linalg.norm(p) - y)
    return None if not y.any() else elements.sum() / (3 if task.options.divisor == "elements" else 1)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@pytest.mark.parametrize("share_invalid", [0.0, 0.3, 0.95])
def test_loss_is_the_mean_over_valid_pixels(name, options, share_invalid):
    task, rng = task_named(name, **options), np.random.default_rng(3)
    prediction, label = random_prediction(task, rng), random_label(task, rng, share_invalid)
    loss = task.loss(prediction, label)
    assert loss.shape == (B,)
    np.testing.assert_allclose(loss.numpy(), numpy_loss(task, prediction, label), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradient_do_not_depend_on_how_predictions_lie_in_memory(name):
    task, rng = task_named(name), np.random.default_rng(4)
    usual, label = random_prediction(task, rng), random_label(task, rng)
    last = usual.contiguous(memory_format=torch.channels_last)
    # As of maps of several tasks that were resized together.
    joined = torch.cat([last, last], 1).contiguous(memory_format=torch.channels_last)[:, : task.channels]
    found = []
    for prediction in (usual, last, joined):
        given = prediction.detach().requires_grad_()
        loss = task.loss(given, label)
        found.append((loss.detach(), *torch.autograd.grad(loss.square().sum(), given)))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_an_image_without_valid_pixels_gives_zero_loss_and_gradient(name, options):
    task, rng = task_named(name, **options), np.random.default_rng(1)
    prediction, label = random_prediction(task, rng).requires_grad_(), random_label(task, rng)
    label[2] = torch.from_numpy(task.unlabelled(H, W))
    loss = task.loss(prediction, label)
    loss.sum().backward()
    assert loss[2] == 0
    assert torch.isfinite(loss).all()
    assert torch.isfinite(prediction.grad).all()
    assert not prediction.grad[2].any()
    assert all(prediction.grad[i].any() for i in (0, 1, 3, 4))


@pytest.mark.parametrize("name", NAMES)
def test_invalid_pixels_and_zero_predictions_never_reach_the_gradient_as_nan(name):
    task, rng = task_named(name), np.random.default_rng(1)
    label = random_label(task, rng)
    prediction = torch.zeros(B, task.channels, H, W, requires_grad=True)  # a zero vector has no direction
    task.loss(prediction, label).sum().backward()
    assert torch.isfinite(prediction.grad).all()
    invalid = ~task.valid(label)[:, None].expand_as(prediction)
    assert not prediction.grad[invalid].any()


def test_infinite_depth_is_invalid():
    task = task_named("depth")
    label = torch.tensor([[[1.0, float("inf")], [float("nan"), float("-inf")]]])
    prediction = torch.full((1, 1, 2, 2), 3.0, requires_grad=True)
    loss = task.loss(prediction, label)
    loss.sum().backward()
    assert loss.tolist() == [2.0]
    assert prediction.grad.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_loss_of_an_image_does_not_depend_on_its_batch(name, options):
    task, rng = task_named(name, **options), np.random.default_rng(2)
    prediction, label = random_prediction(task, rng), random_label(task, rng)
    together = task.loss(prediction, label)
    alone = torch.cat([task.loss(prediction[i : i + 1], label[i : i + 1]) for i in range(B)])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_label_of_a_prediction_is_the_one_it_fits_best(name):
    """A prediction's own label costs no more than any other label, and its meter finds it perfect."""
    task, rng = task_named(name), np.random.default_rng(4)
    prediction = random_prediction(task, rng)
    own, other = task.as_label(prediction), random_label(task, rng, 0)
    assert own.dtype == other.dtype
    assert own.shape == other.shape
    assert task.valid(own).all()
    confident = prediction * (1 if task.kind in ("scalar", "direction") else 1000)
    assert (task.loss(confident, own) < task.loss(confident, other)).all()
    assert (task.loss(confident, own) < 1e-2).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_a_strategy_sees_is_the_training_loss_against_the_label_of_the_target(name):
    task, rng = task_named(name), np.random.default_rng(5)
    initial, refined = random_prediction(task, rng), random_prediction(task, rng).requires_grad_()
    loss = task.spec.loss(initial.requires_grad_(), refined)
    expected = numpy_loss(task, initial.detach(), task.as_label(refined.detach()))
    np.testing.assert_allclose(loss.detach().numpy(), expected, rtol=2e-5, atol=1e-6)
    loss.sum().backward()
    assert refined.grad is None, "the target is fixed"
    assert (task.spec.name, task.spec.kind, task.spec.channels) == (name, task.kind, task.channels)


@pytest.mark.parametrize("name", NAMES)
def test_unlabelled_is_encoded_and_valid_nowhere(name):
    task = task_named(name)
    blank = task.unlabelled(H, W)
    assert blank.dtype == random_label(task, np.random.default_rng(0)).numpy().dtype
    assert not task.valid(torch.from_numpy(blank)[None]).any()


@pytest.mark.parametrize("name", NAMES)
def test_turning_there_and_back_gives_the_label_back(name):
    task, rng = task_named(name), np.random.default_rng(6)
    label = random_label(task, rng)
    turn = torch.tensor([[[0.6, -0.8], [0.8, 0.6]]]).expand(len(label), -1, -1)
    once = task.turned(label, turn)
    assert torch.equal(once.nan_to_num(), label.nan_to_num()) == (task.kind != "direction")
    torch.testing.assert_close(task.turned(once, turn.mT), label, equal_nan=True)
    assert torch.equal(task.valid(once), task.valid(label))


@pytest.mark.parametrize("name", NAMES)
def test_colours_are_a_picture(name):
    task, rng = task_named(name), np.random.default_rng(7)
    label = random_label(task, rng).numpy()[0]
    sample = label.transpose(1, 2, 0) if task.kind == "direction" else label
    picture = task.colour(sample)
    assert (picture.shape, picture.dtype) == ((H, W, 3), np.uint8)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1


def test_colours_tell_classes_apart_and_leave_the_rest_black():
    task = make_task("semseg", classes=tuple(map(str, range(40))))
    picture = task.colour(np.append(np.arange(40), 255).astype(np.uint8)[None])[0]
    assert len(np.unique(picture, axis=0)) == 41
    assert not picture[40].any()


def test_colours_of_depth_without_any_or_with_one_value():
    task = task_named("depth")
    assert not task.colour(np.full((3, 4), np.nan, np.float32)).any()
    assert task.colour(np.full((3, 4), 2.5, np.float32)).shape == (3, 4, 3)


def test_zoom_divides_metres_only():
    rng = np.random.default_rng(8)
    factor = torch.tensor([1.0, 2.0, 1.5, 1.0, 4.0])
    for name in NAMES:
        task = task_named(name)
        label = random_label(task, rng)
        wanted = label / factor[:, None, None] if name == "depth" else label
        torch.testing.assert_close(task.zoomed(label, factor), wanted, equal_nan=True)


@pytest.mark.parametrize("value", [0, 1])
def test_an_image_of_one_kind_of_pixel_has_a_loss_under_either_balance(value):
    """The share of negatives itself would be 1 or 0, and the loss of all that there is would be nothing."""
    label, prediction = torch.full((1, H, W), value, dtype=torch.uint8), torch.zeros(1, 1, H, W)
    loss = {
        b: task_named("saliency", balance=b).loss(prediction, label).item() for b in ("constant", "image")
    }
    assert loss["image"] == pytest.approx(0.01 * np.log(2), rel=1e-5)
    assert loss["constant"] == pytest.approx((0.8 if value else 0.2) * np.log(2), rel=1e-5)


def test_a_weight_of_zero_is_not_the_default():
    assert task_named("saliency", weight=0.0).weight == 0.0


@pytest.mark.parametrize("name", ["", "human.parts", "keys", "items", "values", "type", "training", "total"])
def test_a_name_that_no_module_can_have_is_refused_by_name(name):
    with pytest.raises(UserError, match="cannot be called") as caught:
        make_task(name, "binary")
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["human-parts", "boundary 2", "Tiefe", "weights", "0"])
def test_other_names_work_in_a_module_dictionary(name):
    torch.nn.ModuleDict({make_task(name, "scalar").name: torch.nn.Identity()})


def test_a_task_of_a_new_name_needs_a_kind_and_a_known_one_keeps_its_own():
    assert make_task("materials", "categorical", classes=CLASSES).channels == 4
    with pytest.raises(UserError, match="categorical, binary, scalar, direction"):
        make_task("materials")
    with pytest.raises(UserError, match="is of kind binary, not 'scalar'"):
        make_task("edge", "scalar")
