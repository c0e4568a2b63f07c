"""Figures of speed: what they count is right, whatever the machine."""

import pytest

from benchmark.profiling import forward_flops, profile


def test_every_figure_is_there_and_says_its_unit(small_bench, tmp_path):
    text = profile(small_bench(tmp_path), iterations=2).text()
    for words in ("training", "plain", "evaluation", "pool pass", "% of a training step", "MB", "TFLOP/s"):
        assert words in text
    assert not list(tmp_path.iterdir()), "a profile leaves no results"


def test_arithmetic_grows_with_the_area_of_the_image(small_bench, tmp_path):
    sizes = [{"pool": 1, "val": 1, "height": side, "width": side} for side in (32, 64)]
    small, large = (
        forward_flops(small_bench(tmp_path, data=data, budgets=[1, 2], strategies=["random"]))
        for data in ({**size, "pool": 2} for size in sizes)
    )
    assert large == pytest.approx(4 * small, rel=0.05)
