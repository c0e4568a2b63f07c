"""The page draws what the figures draw: spread by one rule, lines for few seeds, one range of values."""

import re

import numpy as np
import pytest

from benchmark.report.page import render_page
from benchmark.report.results.study import read_study

NAMES = ("random", *(f"tied-{letter}[select=filter,power=0.5]" for letter in "abcde"), "worse")


@pytest.fixture
def page_of(synthetic, tmp_path):
    """The page of strategies that share the first budget; ``worse`` is worse beyond doubt after it."""

    def made(names=NAMES, seeds=5):
        rng, rows = np.random.default_rng(1), []
        for seed in range(seeds):
            for name in names:
                for number, labelled in enumerate((20, 40, 80)):
                    own = (0.4 * (name == "worse") + 0.02 * rng.normal()) if number else 0
                    loss = 5 + 60 / labelled + 0.02 * seed + own
                    rows.append(("rooms", name, seed, number, labelled, "total", "loss", float(loss)))
        folder = synthetic.write(tmp_path / f"{seeds}-{len(names)}", rows)
        return render_page(read_study(folder), {})["index.html"].decode()

    return made


def drawn(page, kind):
    """The numbers of the strategies that have such a part in the total chart."""
    chart = page[page.index('<figure class="chart large">') : page.index("</figure>")]
    return re.findall(rf'<poly(?:gon|line) class="{kind} c(\d+) s\1"', chart)


def number_of(page, name):
    return re.search(rf'id="on(\d+)"[^>]*>\s*<[^>]*>\s*.*?</svg> {re.escape(name)}', page)[1]


def test_bands_are_those_of_random_and_of_what_differs(page_of):
    page = page_of()
    strategies = sorted(NAMES)
    assert {strategies[int(number)] for number in drawn(page, "band")} == {"random", "worse"}
    assert len(drawn(page, "line")) == len(NAMES)
    assert drawn(page, "seeds") == []
    assert "spread of random and of what differs from it (corrected p &lt; 0.05)" in page


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_are_lines_as_in_the_figures(page_of, seeds):
    page = page_of(("random", "worse"), seeds)
    assert drawn(page, "band") == []
    assert len(drawn(page, "seeds")) == 2 * seeds
    assert f"Mean, and each of {seeds} seeds as a thin line" in page


def test_the_shared_first_budget_is_a_number_at_the_edge(page_of):
    page = page_of(("random", "worse"))
    (said,) = re.findall(r'<text class="beyond"[^>]*>([^<]*)</text>', page)
    assert said == "8.04 ↑"
    assert "the first budget, whose network all share, is beyond the axes where a number stands" in page


def test_a_name_may_be_broken_before_its_parameters_and_after_a_comma_only(page_of):
    page = page_of()
    assert "tied-a<wbr>[select=filter,<wbr>power=0.5]" in page
    hostile = page_of(("random", "<b>[x=1,y=2]"))
    assert "&lt;b&gt;<wbr>[x=1,<wbr>y=2]" in hostile
    assert "<b>" not in hostile


def test_columns_of_a_matrix_are_numbers_that_its_rows_explain(page_of):
    page = page_of()
    matrix = page[page.index('<table class="matrix"') :]
    heads = re.findall(r'<th scope="col" title="([^"]*)">\((\d+)\)</th>', matrix)
    assert [int(number) for _, number in heads] == list(range(1, len(NAMES) + 1))
    rows = re.findall(r'<th scope="row">\((\d+)\)', matrix)
    assert rows == [number for _, number in heads]


def test_the_claim_names_the_loss_that_is_shown_first(page_of):
    sentence = re.search(r'<p class="sentence">([^<]*)</p>', page_of())[1]
    assert re.match(
        r"No strategy is better than random beyond doubt; worse: worse \(\+0\.\d+, p [=&]", sentence
    )
