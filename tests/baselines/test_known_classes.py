"""The control by classes: what its choices show, counted by hand, and that it must be told the labels."""

from dataclasses import replace

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies.choosing import choose
from strategies.classes_shown import rare_classes, shown
from strategies.contract import TASKS
from strategies.interface import Known
from strategies.registry import resolve


def shares_of(shows):
    """Shares of pixels in which each image shows these of 5 classes; none for an image without a label."""
    shares = np.zeros((len(shows), 5))
    for row, classes in zip(shares, shows, strict=True):
        row[list(classes)] = 1 / max(len(classes), 1)
    shares[[not classes for classes in shows]] = np.nan
    return shares


def chosen(pool_of, shows, budget, order="rare", labelled=(), seed=0):
    pool = replace(
        pool_of(np.zeros((len(shows), 2)), labelled),
        known=Known(classes={"semseg": shares_of(shows)}),
        rng=np.random.default_rng(seed),
    )
    return choose(resolve(f"known-classes[order={order}]").create(), "known-classes", pool, budget).indices


#: Class 0 in all, 1 in half, 2 in three, 3 in two; the last has no label.
SHOWS = [(0, 3), (0, 3), (0, 2), (0, 2), (0, 1, 2), *[(0, 1)] * 6, *[(0,)] * 4, ()]


def test_the_class_that_fewest_labelled_images_show_is_next(pool_of):
    for seed in range(6):
        covered = np.zeros(5, int)
        free = set(range(len(SHOWS)))
        for pick in chosen(pool_of, SHOWS, len(SHOWS), seed=seed):
            left = {c for image in free for c in SHOWS[image]}
            least = {c for c in left if covered[c] == min(covered[list(left)])} if left else set()
            assert least & set(SHOWS[pick]) or not left
            free.remove(pick)
            covered[list(SHOWS[pick])] += 1


def test_rare_classes_are_covered_before_the_rest(pool_of):
    picks = chosen(pool_of, SHOWS, 6, labelled=[15, 14])
    assert sum(bool({2, 3} & set(SHOWS[image])) for image in picks) >= 4


def test_common_avoids_them_as_long_as_it_can(pool_of):
    picks = chosen(pool_of, SHOWS, len(SHOWS), "common")
    rarest = [min((sum(c in each for each in SHOWS) for c in SHOWS[p]), default=-1) for p in picks]
    assert rarest == sorted(rarest, reverse=True)


@pytest.mark.parametrize("order", ["rare", "common"])
def test_an_image_without_a_label_is_the_last(pool_of, order):
    assert chosen(pool_of, SHOWS, len(SHOWS), order)[-1] == len(SHOWS) - 1


def test_without_labels_or_classes_it_says_so(pool_of):
    strategy = resolve("known-classes").create()
    with pytest.raises(ValueError, match="was told none"):
        strategy.select(pool_of(np.zeros((5, 2))), 2)
    with pytest.raises(ValueError, match=r"needs a categorical task; there are saliency \(binary\)"):
        strategy.check(TASKS[1:])


def test_a_class_is_rare_that_under_a_tenth_of_the_labelled_images_show():
    shares = np.full((21, 4), 0.0)
    shares[:, 0] = 1
    shares[:2, 1], shares[:1, 2] = 0.1, 0.1  # two of twenty with a label are a tenth
    shares[5:9, 3] = 0.005  # too little to show it
    shares[20] = np.nan
    assert shown(shares).sum(0).tolist() == [20, 2, 1, 0]
    assert rare_classes(shares).tolist() == [2]
