from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from benchmark.report.style import FIXED, MUTED, WIDTH, looks, paper_style

#: Machado et al. 2009, severity 1, on linear RGB.
DEFICIENCIES = {
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}


def test_known_strategies_look_the_same_whatever_else_there_is():
    alone = {name: looks([name])[name] for name in FIXED}
    together = looks([*FIXED, *(f"other-{number}" for number in range(30))])
    assert {name: together[name] for name in FIXED} == alone


def test_many_strategies_all_look_different():
    assert len(set(looks(map(str, range(60))).values())) == 60


def test_few_unknown_strategies_have_colours_of_their_own():
    shown = looks([*FIXED, *(f"consistency-diversity[k={number}]" for number in range(len(MUTED)))])
    assert len({look.colour for look in shown.values()}) == len(FIXED) + len(MUTED)


def test_looks_do_not_depend_on_the_order_of_names():
    names = [f"name-{number}" for number in range(12)]
    assert looks(names) == looks(reversed(names))


def test_adding_a_strategy_changes_nearly_no_look():
    # A pure function of the name could not keep colours apart: a later name moves on if its colour is taken.
    names = [f"name-{number}" for number in range(4)]
    before = looks(names)
    moved = sum(looks([*names, f"new-{n}"])[name] != before[name] for n in range(50) for name in names)
    assert moved < 0.1 * 50 * len(names)


@pytest.mark.parametrize("matrix", DEFICIENCIES.values(), ids=DEFICIENCIES)
def test_fixed_colours_stay_apart_for_colour_blind_readers(matrix):
    colours = [
        np.clip(np.array(matrix) @ np.power(to_rgb(colour), 2.2), 0, 1) ** (1 / 2.2)
        for colour in FIXED.values()
    ]
    assert min(np.linalg.norm(one - other) for one, other in combinations(colours, 2)) > 0.15


@pytest.mark.parametrize("columns", WIDTH)
def test_style_sets_size_and_fonts_and_leaves_the_users_settings(columns):
    with mpl.rc_context({"lines.linewidth": 9.0, "font.size": 20.0}):
        with paper_style(columns, 2.0):
            assert mpl.rcParams["figure.figsize"] == [WIDTH[columns], 2.0]
            assert mpl.rcParams["pdf.fonttype"] == 42
            assert mpl.rcParams["lines.linewidth"] < 2
        with paper_style(columns, 2.0, fine=True):
            assert mpl.rcParams["lines.linewidth"] == 1.0
        assert (mpl.rcParams["lines.linewidth"], mpl.rcParams["font.size"]) == (9.0, 20.0)
