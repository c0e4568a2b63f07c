"""odsF: the matching against a brute-force one, then the whole on cases whose counts are known."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from benchmark.tasks import IGNORE, make_task
from benchmark.tasks.edge_metrics.nms import orientation, ridges
from benchmark.tasks.edge_metrics.ods_f import OdsMeter, image_counts, matches
from benchmark.tasks.edge_metrics.thinning import thinned

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))


def brute_force_matches(predicted, labelled, reach):
    """Augmenting paths (Kuhn 1955), one predicted pixel after the other."""
    left, right = np.argwhere(predicted), np.argwhere(labelled)
    near = [[j for j, b in enumerate(right) if ((a - b) ** 2).sum() <= reach**2] for a in left]
    partner = {}

    def placed(i, tried):
        for j in near[i]:
            if j not in tried:
                tried.add(j)
                if j not in partner or placed(partner[j], tried):
                    partner[j] = i
                    return True
        return False

    return sum(placed(i, set()) for i in range(len(left)))


def mask_of(shape, *pixels):
    mask = np.zeros(shape, bool)
    for pixel in pixels:
        mask[pixel] = True
    return mask


def line(shape, column, width=1):
    mask = np.zeros(shape, bool)
    mask[:, column : column + width] = True
    return mask


def f_of(counts):
    """As an independent reader of the counts computes it: 2 * matched / (predicted + labelled), at best."""
    predicted, matched, labelled = counts.astype(float)
    return 100 * np.max(2 * matched / np.maximum(predicted + labelled, 1))


def logits_of(probability):
    clipped = np.clip(np.asarray(probability, np.float64), 1e-6, 1 - 1e-6)
    return torch.from_numpy(np.log(clipped / (1 - clipped)).astype(np.float32))[None, None]


def measured(probability, label, **options):
    meter = OdsMeter(**{"max_distance": 0.011, **options})
    meter.update(logits_of(probability), torch.from_numpy(np.asarray(label, np.uint8))[None])
    return meter.compute()["ods_f"]


# Matching


@given(st.data(), st.sampled_from([1.0, 1.4, 1.5, 2.0, 2.3, 3.0]))
def test_as_many_pairs_as_brute_force_finds(data, reach):
    predicted = data.draw(MASKS)
    labelled = data.draw(arrays.arrays(bool, predicted.shape))
    assert matches(predicted, labelled, reach) == brute_force_matches(predicted, labelled, reach)


@pytest.mark.parametrize("density", [0.03, 0.1, 0.3])
def test_as_many_pairs_on_larger_pictures(density):
    rng = np.random.default_rng(1)
    for reach in (2.0, 3.5, 7.7):
        predicted, labelled = rng.random((2, 24, 31)) < density
        assert matches(predicted, labelled, reach) == brute_force_matches(predicted, labelled, reach)


@given(MASKS, st.floats(0, 4))
def test_every_pixel_matches_itself_and_matching_is_symmetric(mask, reach):
    assert matches(mask, mask, reach) == mask.sum()
    assert matches(mask, np.flip(mask), reach) == matches(np.flip(mask), mask, reach)


def test_a_label_is_matched_once():
    shape = (5, 5)
    assert matches(mask_of(shape, (2, 1), (2, 3)), mask_of(shape, (2, 2)), 2.0) == 1
    assert matches(mask_of(shape, (2, 2)), mask_of(shape, (2, 1), (2, 3)), 2.0) == 1


def test_a_pair_is_given_up_where_two_can_be_made():
    """The middle pixel reaches both labels, the left one only the nearer: greedy matching would find one."""
    shape = (1, 9)
    assert matches(mask_of(shape, (0, 4), (0, 1)), mask_of(shape, (0, 3), (0, 6)), 2.0) == 2


@pytest.mark.parametrize(("step", "reach", "count"), [((0, 2), 2, 1), ((0, 2), 1.99, 0), ((2, 2), 2.8, 0)])
def test_the_reach_is_a_euclidean_distance_and_included(step, reach, count):
    there = mask_of((6, 6), (1 + step[0], 1 + step[1]))
    assert matches(mask_of((6, 6), (1, 1)), there, reach) == count


def test_nothing_matches_nothing():
    empty, full = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    assert matches(empty, full, 2) == matches(full, empty, 2) == matches(empty, empty, 2) == 0


# Thinning and suppression


def test_thick_lines_are_thinned_and_thin_ones_stay():
    thick = thinned(line((20, 20), 8, 5))
    assert set(thick.sum(1)) <= {0, 1}
    assert thick.sum() >= 16
    assert np.array_equal(thinned(line((20, 20), 8)), line((20, 20), 8))
    assert not thinned(np.zeros((3, 3), bool)).any()


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120, 150])
def test_orientation_is_across_the_edge(degrees):
    turn = np.radians(degrees)
    y, x = np.mgrid[-20:21, -20:21]
    across = x * np.cos(turn) + y * np.sin(turn)
    found = orientation(np.exp(-((across / 3) ** 2)).astype(np.float32))[abs(across) < 1]
    error = np.degrees(np.abs((found - turn + np.pi / 2) % np.pi - np.pi / 2))
    assert np.median(error) < (4 if degrees % 45 == 0 else 13)  # the toolbox's formula squares the tangent


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 150])
def test_only_the_ridge_of_a_soft_edge_is_kept(degrees):
    turn = np.radians(degrees)
    y, x = np.mgrid[-20:21, -20:21]
    across = x * np.cos(turn) + y * np.sin(turn)
    soft = (0.9 * np.exp(-((across / 3) ** 2))).astype(np.float32)
    kept, inner = ridges(soft), np.s_[8:-8, 8:-8]
    strong = (kept > 0.3)[inner]
    assert np.abs(across[inner][strong]).max() <= 1.2
    assert strong.sum() >= 25
    assert np.array_equal(kept[kept > 0], soft[kept > 0]), "what is kept is unchanged"


# The whole


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_line_within_reach_is_perfect(shift):
    shape = (40, 40)
    assert measured(0.9 * line(shape, 20 + shift), line(shape, 20)) == pytest.approx(100)


def test_beyond_reach_nothing_is_right():
    shape = (40, 40)
    assert measured(0.9 * line(shape, 23), line(shape, 20)) == 0


def test_the_reach_grows_with_the_diagonal():
    shape, label = (300, 400), line((300, 400), 100)  # the diagonal is 500
    assert measured(0.9 * line(shape, 105), label) == pytest.approx(100)
    assert measured(0.9 * line(shape, 106), label) == 0
    assert measured(0.9 * line(shape, 103), label, max_distance=0.0075) == pytest.approx(100)
    assert measured(0.9 * line(shape, 104), label, max_distance=0.0075) == 0


@pytest.mark.parametrize("nms", [True, False])
def test_a_thick_prediction_counts_as_a_line(nms):
    shape = (40, 40)
    counts = image_counts(
        (0.9 * line(shape, 19, 3)).astype(np.float32), line(shape, 20).astype(np.uint8), 0.011, nms
    )
    predicted, matched, labelled = counts[:, 49]
    assert (labelled, matched) == (40, predicted)
    assert 36 <= predicted <= 40


def test_a_thick_label_counts_as_a_line():
    assert measured(0.9 * line((40, 40), 20), line((40, 40), 19, 3)) > 94


def test_suppression_finds_the_line_in_a_blur_that_thinning_alone_cannot():
    """Between two soft edges everything is above the low thresholds; only the ridges are the two lines."""
    label = line((40, 40), 14) | line((40, 40), 24)
    soft = ndimage.gaussian_filter1d(label.astype(float), 3.0, axis=1)
    soft *= 0.6 / soft.max()
    with_nms, without = (
        image_counts(soft.astype(np.float32), label.astype(np.uint8), 0.011, nms)[:2, 9]
        for nms in (True, False)
    )
    assert with_nms[1] > without[1]


def test_counts_at_one_threshold_by_hand():
    """Three rows of a line are predicted at .8, two far pixels at .3: 5 and 3 predicted, 3 of 10 right."""
    label = line((10, 30), 5)
    probability = np.zeros((10, 30), np.float32)
    probability[:3, 5], probability[2, 20], probability[7, 20] = 0.8, 0.3, 0.3
    counts = image_counts(probability, label.astype(np.uint8), 0.011, nms=False)
    assert counts[:, 24].tolist() == [5, 3, 10]
    assert counts[:, 49].tolist() == [3, 3, 10]
    assert counts[:, 89].tolist() == [0, 0, 10]
    assert measured(probability, label, nms=False) == pytest.approx(100 * 2 * 3 / 13)


def test_counts_are_summed_over_images_and_the_threshold_is_the_same_for_all():
    label = line((20, 20), 9).astype(np.uint8)
    pair = [(0.9 * line((20, 20), 9)).astype(np.float32), (0.4 * line((20, 20), 3)).astype(np.float32)]
    both = sum(image_counts(p, label, 0.011) for p in pair)
    meter = OdsMeter(0.011)
    meter.update(torch.cat([logits_of(p) for p in pair]), torch.from_numpy(np.stack([label, label])))
    assert meter.compute()["ods_f"] == pytest.approx(f_of(both))
    assert f_of(both) == pytest.approx(100 * 2 * 20 / (20 + 40)), "above .4 the wrong line is gone"


def test_an_image_without_edges_costs_precision_only():
    label = line((20, 20), 9).astype(np.uint8)
    meter = OdsMeter(0.011)
    prediction = logits_of(0.9 * line((20, 20), 9))
    meter.update(prediction, torch.from_numpy(label)[None])
    meter.update(prediction, torch.zeros(1, 20, 20, dtype=torch.uint8))
    assert meter.compute()["ods_f"] == pytest.approx(100 * 2 * 20 / (40 + 20))


def test_nothing_predicted_is_zero_and_nothing_labelled_is_nan():
    label = line((20, 20), 9)
    assert measured(np.zeros((20, 20)), label) == 0
    assert np.isnan(measured(0.9 * label, np.zeros((20, 20))))
    assert np.isnan(measured(0.9 * label, np.full((20, 20), IGNORE)))
    assert np.isnan(OdsMeter(0.011).compute()["ods_f"])


def test_ignored_pixels_are_neither_predicted_nor_labelled():
    label = line((20, 20), 9).astype(np.uint8)
    label[:, 14:] = IGNORE
    assert measured(0.9 * (line((20, 20), 9) | line((20, 20), 16)), label) == pytest.approx(100)


def test_odsf_is_computed_on_request_only_and_beside_edge_f(monkeypatch):
    label = torch.from_numpy(line((20, 20), 9).astype(np.uint8))[None]
    asked = make_task("edge", ods_f=True).meter()
    asked.update(logits_of(0.9 * line((20, 20), 9)), label)
    assert asked.compute() == pytest.approx({"edge_f": 100, "ods_f": 100})
    monkeypatch.setattr(OdsMeter, "update", None)  # calling it would fail
    plain = make_task("edge").meter()
    plain.update(logits_of(0.9 * line((20, 20), 9)), label)
    assert plain.compute() == pytest.approx({"edge_f": 100})


def scene(rng, height, width):
    """Boundaries of smooth regions, and probabilities as a fair network would give them."""
    relief = ndimage.gaussian_filter(rng.normal(size=(height, width)), 20)
    region = np.digitize(relief, np.quantile(relief, [0.35, 0.65]))
    edge = np.zeros((height, width), bool)
    edge[1:, 1:] = (region[1:, 1:] != region[:-1, 1:]) | (region[1:, 1:] != region[1:, :-1])
    noise = ndimage.gaussian_filter(rng.normal(size=(height, width)), 3)
    soft = 4 * ndimage.gaussian_filter(edge.astype(float), 2)
    return edge, 1 / (1 + np.exp(3 - 4 * soft - noise / noise.std()))


@pytest.mark.perf
def test_seconds_per_image_of_nyud_size(capsys):
    edge, probability = scene(np.random.default_rng(0), 425, 560)
    started = time.perf_counter()
    counts = image_counts(probability.astype(np.float32), edge.astype(np.uint8), 0.011)
    seconds = time.perf_counter() - started
    with capsys.disabled():
        print(
            f"\nodsF of one 425x560 image, {counts[2, 0]} edge pixels: {seconds:.1f} s, {f_of(counts):.1f} %"
        )
    assert seconds < 60
