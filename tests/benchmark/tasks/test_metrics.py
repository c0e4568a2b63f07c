"""Every metric computed another way: by loops, by float64 geometry, by brute-force distances."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from benchmark.tasks import BUILT_IN, IGNORE, make_task
from benchmark.tasks.edge import _dilated

CLASSES = tuple(map(str, range(6)))
H, W, B = 24, 31, 7


def task_named(name):
    return make_task(name, classes=CLASSES if BUILT_IN[name].kind == "categorical" else ())


def measured(task, prediction, label, size=B):
    meter = task.meter()
    for p, y in zip(prediction.split(size), label.split(size), strict=True):
        meter.update(p, y)
    return dict(meter.compute())


def data(name, seed=0, share_invalid=0.2):
    """Predictions that are a noisy version of the labels, so that metrics lie well inside their range."""
    rng = np.random.default_rng(seed)
    bad = rng.random((B, H, W)) < share_invalid
    if BUILT_IN[name].kind == "categorical":  # class 5 occurs nowhere, class 4 in labels only
        label = rng.integers(0, 5, (B, H, W))
        logits = rng.normal(size=(B, 6, H, W)) + 2 * np.eye(6)[label].transpose(0, 3, 1, 2)
        logits[:, 4:] = -9
        label = np.where(bad, IGNORE, label).astype(np.uint8)
    elif name == "depth":
        label = rng.uniform(0.5, 9, (B, H, W))
        logits = (label * rng.uniform(0.7, 1.4, (B, H, W)))[:, None]
        label = np.where(bad, np.nan, label).astype(np.float32)
    elif name == "normals":
        label = rng.normal(size=(B, 3, H, W))
        label /= np.linalg.norm(label, axis=1, keepdims=True)
        logits = (label + 0.4 * rng.normal(size=label.shape)) * rng.uniform(0.1, 9, (B, 1, H, W))
        label = np.where(bad[:, None], 0, label).astype(np.float32)
    else:
        label = ndimage.zoom(rng.random((B, 4, 4)), (1, H / 4, W / 4), order=1) > 0.6
        if name == "edge":
            label = label ^ ndimage.binary_erosion(label, np.ones((1, 3, 3)))
        # One probability between each two thresholds, so that rounding decides nothing.
        steps = np.clip(np.round(100 * (0.25 + 0.4 * label + 0.2 * rng.normal(size=label.shape))), 0, 99)
        probability = (steps + 0.5) / 100
        logits = np.log(probability / (1 - probability))[:, None]
        label = np.where(bad, IGNORE, label).astype(np.uint8)
    return torch.from_numpy(logits.astype(np.float32)), torch.from_numpy(label)


@pytest.mark.parametrize("name", ["semseg", "human_parts"])
def test_classes_by_loops(name):
    prediction, label = data(name)
    predicted, label_ = prediction.numpy().argmax(1), label.numpy()
    ious = []
    for one in range(6):
        hits = union = 0
        for p, y in zip(predicted.flat, label_.flat, strict=True):
            if y != IGNORE:
                hits += p == one and y == one
                union += p == one or y == one
        ious += [hits / union] if union else []
    assert len(ious) == 5, "class 5 occurs neither in a label nor in a prediction"
    valid = label_ != IGNORE
    expected = {"miou": 100 * np.mean(ious), "accuracy": 100 * (predicted == label_)[valid].mean()}
    assert measured(task_named(name), prediction, label) == pytest.approx(expected, rel=1e-6)


def test_images_without_a_part_say_nothing_about_parts():
    prediction, label = data("human_parts")
    empty = torch.where(label == IGNORE, IGNORE, 0).to(torch.uint8)
    task = task_named("human_parts")
    both = measured(task, torch.cat([prediction, prediction]), torch.cat([label, empty]), 3)
    assert both == measured(task, prediction, label)
    assert np.isnan(measured(task, prediction, empty)["miou"])
    assert measured(task_named("semseg"), prediction, empty)["miou"] > 0


def test_a_class_that_is_predicted_but_never_there_counts_as_missed():
    logits = torch.zeros(1, 6, 2, 2)
    logits[:, 3, 0] = 1  # half of the picture
    got = measured(task_named("semseg"), logits, torch.zeros(1, 2, 2, dtype=torch.uint8))
    assert got == {"miou": 25, "accuracy": 50}


def test_semseg_counts_pixels_beyond_what_a_float_can():
    task = make_task("semseg", classes=("a", "b"))
    side = 2**12
    right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    meter = task.meter()
    meter.update(right.expand(1, 2, side, side), torch.zeros((), dtype=torch.uint8).expand(1, side, side))
    for _ in range(64):
        meter.update(right, torch.zeros((1, 1, 1), dtype=torch.uint8))
    assert int(meter.counts[0, 0]) == side**2 + 64


def test_depth_in_float64():
    prediction, label = data("depth")
    p, y = prediction[:, 0].double().numpy(), label.double().numpy()
    keep = np.isfinite(y)
    error = np.abs(p - y)[keep]
    expected = {"rmse": np.sqrt((error**2).mean()), "abs_rel": (error / y[keep]).mean()}
    assert measured(task_named("depth"), prediction, label) == pytest.approx(expected, rel=1e-9)


def test_nothing_is_relative_to_a_true_value_of_zero():
    height = make_task("height", "scalar")
    label = torch.tensor([[[0.0, 2.0, -4.0, float("nan")]]])
    prediction = torch.tensor([[[[5.0, 3.0, -5.0, 9.0]]]])
    expected = {"rmse": ((25 + 1 + 1) / 3) ** 0.5, "abs_rel": (1 / 2 + 1 / 4) / 2}
    assert measured(height, prediction, label) == pytest.approx(expected)
    nothing = measured(height, prediction[..., :1], label[..., :1])
    assert nothing["rmse"] == 5
    assert np.isnan(nothing["abs_rel"])


def test_normals_in_float64():
    prediction, label = data("normals")
    p, y = prediction.double().numpy(), label.double().numpy()
    keep = y.any(1)
    p, y = (np.moveaxis(v, 1, -1)[keep] for v in (p, y))
    cosine = (p * y).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(y, axis=1)
    by_cosine = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    by_sine = np.degrees(np.arctan2(np.linalg.norm(np.cross(p, y), axis=1), (p * y).sum(1)))
    got = measured(task_named("normals"), prediction, label)
    for angle in (by_cosine, by_sine):
        assert got["mean_angle"] == pytest.approx(angle.mean(), abs=1e-4)
        assert got["median_angle"] == pytest.approx(np.median(angle), abs=0.02)
        for name, limit in (("below_11", 11.25), ("below_22", 22.5), ("below_30", 30)):
            assert got[name] == pytest.approx(100 * (angle < limit).mean(), abs=0.02 + 100 / len(angle))


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 0.5, 11.25, 90.0, 179.99, 180.0])
def test_small_and_large_angles_are_exact(degrees):
    """arccos of a cosine cannot tell a small angle from none in single precision."""
    turn = np.radians(degrees)
    label = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1)
    prediction = torch.tensor([np.sin(turn), 0, np.cos(turn)]).view(1, 3, 1, 1)
    got = measured(task_named("normals"), prediction, label)
    assert got["mean_angle"] == pytest.approx(degrees, abs=1e-5)
    assert got["median_angle"] == pytest.approx(degrees, abs=0.0101)


def test_edge_by_brute_force_distances():
    prediction, label = data("edge")
    probability, label_ = torch.sigmoid(prediction[:, 0].double()).numpy(), label.numpy()
    reach = 2  # 0.011 of this diagonal is less than a pixel, and two are the least
    assert measured(task_named("edge"), prediction, label) == pytest.approx(
        {"edge_f": best_edge_f(probability, label_, reach)}, rel=1e-6
    )


def test_edge_reach_grows_with_the_image():
    label = torch.zeros(1, 300, 400, dtype=torch.uint8)
    label[:, :, 100] = 1
    shifted = torch.full((1, 1, 300, 400), -9.0)
    shifted[:, :, :, 106] = 9.0  # 0.011 of a diagonal of 500 is 5.5, rounded to the even 6
    assert measured(task_named("edge"), shifted, label)["edge_f"] == pytest.approx(100)
    assert measured(task_named("edge"), shifted.roll(1, -1), label)["edge_f"] == 0


@pytest.mark.parametrize(("size", "reach"), [((2, 40, 37), 8), ((1, 5, 60), 8), ((3, 9, 9), 2)])
def test_dilation_is_the_largest_value_within_reach(size, reach):
    values = np.random.default_rng(0).random(size).astype(np.float32)
    expected = ndimage.maximum_filter(values, (1, 2 * reach + 1, 2 * reach + 1), mode="constant")
    assert np.array_equal(_dilated(torch.from_numpy(values), reach).numpy(), expected)


def best_edge_f(probability, label, reach):
    scores = []
    for threshold in np.arange(1, 100) / 100:
        predicted = right = found = labelled = 0
        for p, y in zip(probability, label, strict=True):
            said, true = (p >= threshold) & (y != IGNORE), y == 1
            near_true = distance_to(true) <= reach
            near_said = distance_to(said) <= reach
            predicted, right = predicted + said.sum(), right + (said & near_true).sum()
            found, labelled = found + (true & near_said).sum(), labelled + true.sum()
        precision, recall = right / max(predicted, 1), found / labelled
        scores.append(2 * precision * recall / max(precision + recall, 1e-12))
    return 100 * max(scores)


def distance_to(mask):
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return ndimage.distance_transform_cdt(~mask, "chessboard")


def test_saliency_by_loops_over_thresholds():
    prediction, label = data("saliency")
    probability, label_ = torch.sigmoid(prediction[:, 0].double()).numpy(), label.numpy()
    keep = label_ != IGNORE
    p, y = probability[keep], label_[keep] == 1
    scores = []
    for threshold in np.arange(1, 20) / 20:
        right = ((p >= threshold) & y).sum()
        precision, recall = right / max((p >= threshold).sum(), 1), right / y.sum()
        scores.append(1.3 * precision * recall / max(0.3 * precision + recall, 1e-12))
    expected = {"max_f": 100 * max(scores), "miou": 100 * best_overlap(probability, label_)}
    assert measured(task_named("saliency"), prediction, label) == pytest.approx(expected, rel=1e-6)


def best_overlap(probability, label):
    """Of the object in each image, averaged over images, at the best threshold."""
    means = []
    for threshold in np.arange(1, 20) / 20:
        overlaps = []
        for p, y in zip(probability, label, strict=True):
            said, true = (p >= threshold) & (y != IGNORE), y == 1
            overlaps.append((said & true).sum() / (said | true).sum() if (said | true).any() else 1.0)
        means.append(np.mean(overlaps))
    return max(means)


def test_saliency_overlap_is_the_mean_over_images_and_not_over_pixels():
    label = torch.zeros(2, 4, 4, dtype=torch.uint8)
    label[0], label[1, 0, 0] = 1, 1
    seen = torch.full((2, 1, 4, 4), -5.0)
    seen[0], seen[1, 0, 0, 1] = 5.0, 5.0  # all of the large object, nothing of the small one
    assert measured(task_named("saliency"), seen, label)["miou"] == pytest.approx(50)


def test_saliency_thresholds_lie_inside_zero_to_one():
    """Calling everything salient, as a threshold of 0 would, is no prediction."""
    label = torch.ones(1, 4, 4, dtype=torch.uint8)
    faint = torch.full((1, 1, 4, 4), -4.0)
    assert measured(task_named("saliency"), faint, label)["max_f"] == 0
    assert measured(task_named("saliency"), faint + 1.2, label)["max_f"] == pytest.approx(100)


def test_saliency_without_an_object_is_background_alone():
    label = torch.zeros(2, 4, 4, dtype=torch.uint8)
    got = measured(task_named("saliency"), torch.full((2, 1, 4, 4), -5.0), label)
    assert got["miou"] == 100
    assert np.isnan(got["max_f"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_metrics_do_not_depend_on_how_images_are_batched(name):
    task = task_named(name)
    prediction, label = data(name)
    whole = measured(task, prediction, label)
    for size in (1, 2, 3):
        assert measured(task, prediction, label, size) == pytest.approx(whole, rel=1e-12)
    assert measured(task, prediction.flip(0), label.flip(0), 3) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", BUILT_IN)
def test_perfect_predictions_are_perfect(name):
    task = task_named(name)
    prediction, _ = data(name)
    got = measured(task, prediction, task.as_label(prediction))
    perfect = {"rmse": 0, "abs_rel": 0, "mean_angle": 0, "median_angle": 0}
    assert got == pytest.approx({key: perfect.get(key, 100) for key in got}, abs=1.2e-2)


@pytest.mark.parametrize("name", BUILT_IN)
def test_unlabelled_data_give_nan_and_unlabelled_images_change_nothing(name):
    task = task_named(name)
    prediction, label = data(name)
    blank = torch.from_numpy(np.stack([task.unlabelled(H, W)] * B))
    fresh = task.meter().compute()
    nothing = measured(task, prediction, blank)
    assert set(fresh) == set(nothing) == set(measured(task, prediction, label))
    assert all(np.isnan(value) for value in (*fresh.values(), *nothing.values()))
    with_blanks = measured(task, torch.cat([prediction, prediction]), torch.cat([label, blank]), 3)
    assert with_blanks == pytest.approx(measured(task, prediction, label), rel=1e-12)
