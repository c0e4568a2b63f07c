import matplotlib as mpl
import pytest

from benchmark.report.drawing.paper_style import WIDTH, paper_style


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
