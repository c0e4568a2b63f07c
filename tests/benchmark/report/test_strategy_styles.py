"""A strategy looks the same in every figure, page and study, whatever else is shown and whenever."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.report.page.style_sheet import SHAPES
from benchmark.report.strategy_styles import FIXED, MARKERS, OTHERS, look_of, looks
from strategies.registry import names

BUILT_IN = sorted(name for name in names() if name not in FIXED)
#: Published with the method, and others.
VARIANTS = [name for name in OTHERS if "[" in name] + ["random[draw=2]", "power[base=margin]"]
#: Machado et al. 2009, severity 1, on linear RGB.
DEFICIENCIES = {
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}
NAMES = st.one_of(st.sampled_from([*FIXED, *BUILT_IN, *VARIANTS]), st.text(min_size=1, max_size=30))


@given(name=NAMES, others=st.lists(NAMES, max_size=12))
def test_a_look_depends_on_nothing_but_the_name(name, others):
    assert looks([*others, name])[name] == looks([name, *reversed(others)])[name] == look_of(name)


def test_every_built_in_strategy_has_its_own_place_and_all_differ():
    assert set(BUILT_IN) <= set(OTHERS), "append a new strategy to OTHERS"
    every = [*FIXED, *OTHERS]
    assert len(set(looks(every).values())) == len(every) == len(set(every))


@given(name=st.text(min_size=1, max_size=30))
def test_no_other_name_looks_like_a_built_in_one(name):
    every = [*FIXED, *OTHERS]
    assert name in every or look_of(name) not in looks(every).values()


def test_two_names_hardly_ever_agree_in_all_three():
    every = [look_of(f"name-{number}") for number in range(300)]
    agree = sum(one == other for one, other in combinations(every, 2))
    assert agree < 2.5 * 300 * 299 / 2 / 3432


def test_looks_are_these_for_ever():
    """Figures that are published show them; another process, with another hash seed, finds the same."""
    assert [
        (one.colour, one.marker, one.dash) for one in map(look_of, ("random", "core-set", "margin", "badge"))
    ] == [
        ("#000000", "o", ()),
        ("#009E73", "^", (5, 1.2, 1, 1.2)),
        ("#332288", "o", ()),
        ("#44AA99", "v", (2.5, 1)),
    ]
    code = "from benchmark.report.strategy_styles import look_of; print(look_of('my-own[k=3]'))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(look_of("my-own[k=3]"))


@pytest.mark.parametrize("marker", MARKERS)
def test_every_marker_can_be_drawn_in_figures_and_on_the_page(marker):
    assert MarkerStyle(marker).is_filled()
    assert SHAPES[marker].startswith("M")


@pytest.mark.parametrize("matrix", DEFICIENCIES.values(), ids=DEFICIENCIES)
def test_fixed_colours_stay_apart_for_colour_blind_readers(matrix):
    colours = [
        np.clip(np.array(matrix) @ np.power(to_rgb(colour), 2.2), 0, 1) ** (1 / 2.2)
        for colour in FIXED.values()
    ]
    assert min(np.linalg.norm(one - other) for one, other in combinations(colours, 2)) > 0.15
