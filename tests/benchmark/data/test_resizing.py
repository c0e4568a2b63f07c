"""Labels of another size: thin lines hold together, and classes keep their areas."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from benchmark.data.dataset import Sample
from benchmark.data.resizing import IGNORE, on_canvas, resized_label
from benchmark.tasks.edge_metrics.thinning import thinned

Array = np.ndarray[Any, Any]
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def masks(values: list[int]) -> st.SearchStrategy[Array]:
    return hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from(values)
    )


def parts(old: int, new: int, place: int) -> Iterator[tuple[int, Fraction]]:
    """The old pixels that a new one touches, and how much of each."""
    low, high = Fraction(place * old, new), Fraction((place + 1) * old, new)
    for pixel in range(old):
        if (share := min(high, Fraction(pixel + 1)) - max(low, Fraction(pixel))) > 0:
            yield pixel, share


def stands_for(old: int, new: int, place: int) -> list[int]:
    """The old pixels whose centres lie in a new one; the one under its centre where it magnifies."""
    if new >= old:
        return [int((place + Fraction(1, 2)) * old / new)]
    low, high = Fraction(place * old, new), Fraction((place + 1) * old, new)
    return [pixel for pixel in range(old) if low <= pixel + Fraction(1, 2) < high]


@settings(max_examples=60)
@given(masks([0, 1, IGNORE]), SIZES)
def test_any_is_yes_where_one_pixel_is_and_unknown_where_one_might_be(
    label: Array, size: tuple[int, int]
) -> None:
    def expected(y: int, x: int) -> int:
        rows, columns = stands_for(label.shape[0], size[0], y), stands_for(label.shape[1], size[1], x)
        found = {int(label[row, column]) for row in rows for column in columns}
        return 1 if 1 in found else IGNORE if IGNORE in found else 0

    small = resized_label(label, size, "any")
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, [[expected(y, x) for x in range(size[1])] for y in range(size[0])])


@settings(max_examples=60)
@given(masks([0, 3, 7, IGNORE]), SIZES)
def test_majority_is_the_class_of_the_largest_area(label: Array, size: tuple[int, int]) -> None:
    small, nearest = resized_label(label, size, "majority"), resized_label(label, size)
    for axis in (0, 1):  # what is magnified is the nearest pixel first
        if size[axis] > label.shape[axis]:
            target = (size[0], label.shape[1]) if axis == 0 else (label.shape[0], size[1])
            label = resized_label(label, target)
    for (y, x), found in np.ndenumerate(small):
        areas: dict[int, Fraction] = {}
        for row, height in parts(label.shape[0], size[0], y):
            for column, width in parts(label.shape[1], size[1], x):
                kind = int(label[row, column])
                areas[kind] = areas.get(kind, Fraction(0)) + height * width
        largest = [kind for kind, area in areas.items() if area == max(areas.values())]
        assert found == (nearest[y, x] if nearest[y, x] in largest else min(largest))


def pieces(label: Array) -> int:
    """Groups of edge pixels that touch each other, at corners too."""
    return int(ndimage.label(label == 1, np.ones((3, 3)))[1])


@settings(max_examples=60)
@given(masks([0, 1]), SIZES)
def test_shrinking_breaks_no_line(label: Array, size: tuple[int, int]) -> None:
    height, width = (min(new, old) for new, old in zip(size, label.shape, strict=True))
    assert pieces(resized_label(label, (height, width), "any")) <= pieces(label)


def drawn_edges(size: int = 512) -> Array:
    """Thin borders of overlapping discs."""
    y, x = np.indices((size, size))
    rng = np.random.default_rng(0)
    regions = np.zeros((size, size), int)
    for number in range(1, 25):
        centre, radius = rng.integers(0, size, 2), rng.integers(size // 16, size // 5)
        regions[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] = number
    return thinned(ndimage.laplace(regions) != 0).astype(np.uint8)


@pytest.mark.parametrize("size", [256, 160, 96])
def test_thin_lines_stay_long_at_the_sizes_of_presets(size: int) -> None:
    edges = drawn_edges()
    length = (edges == 1).sum() / pieces(edges)
    small = resized_label(edges, (size, size), "any")
    assert (small == 1).sum() / pieces(small) > length * size / 512 / 2
    nearest = resized_label(edges, (size, size))
    assert (nearest == 1).sum() / pieces(nearest) < 10  # what this is for


@pytest.mark.parametrize("shrink", ["nearest", "any", "majority"])
def test_a_label_of_the_size_asked_for_is_taken_as_it_is(shrink: Any) -> None:
    label = np.random.default_rng(0).integers(0, 2, (6, 8), dtype=np.uint8)
    assert resized_label(label, (6, 8), shrink) is label
    assert resized_label(label, None, shrink) is label


def test_the_rest_of_a_canvas_is_known_to_no_label() -> None:
    labels = {
        "semseg": np.ones((20, 10), np.uint8),
        "depth": np.ones((20, 10), np.float32),
        "normals": np.ones((20, 10, 3), np.float32),
    }
    sample = on_canvas(Sample(np.zeros((20, 10, 3), np.uint8), labels), (10, 16))
    assert sample.image.shape == (10, 16, 3)
    assert (sample.labels["semseg"][:, :5] == 1).all()
    assert (sample.labels["semseg"][:, 5:] == IGNORE).all()
    assert np.isfinite(sample.labels["depth"][:, :5]).all()
    assert np.isnan(sample.labels["depth"][:, 5:]).all()
    assert not sample.labels["normals"][:, 5:].any()
