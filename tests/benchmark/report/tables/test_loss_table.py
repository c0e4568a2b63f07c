import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.errors import UserError
from benchmark.report.dataset_results import subjects
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures import loss_curves
from benchmark.report.formats.numbers import decimals, head
from benchmark.report.results.load import read_results
from benchmark.report.results.study import read_study
from benchmark.report.tables.loss_table import long_table, make_table, render, terminal_table


@pytest.fixture
def results(synthetic, total_only, tmp_path):
    """Makes results of total losses: ``results(seeds=2)``, or of the rows given."""

    def make(table=None, **options):
        return read_results(synthetic.write(tmp_path, table or synthetic.rows(metrics=total_only, **options)))

    return make


def losses(*cells):
    """Rows of total loss from (strategy, seed, labelled, value)."""
    return [
        ("rooms", name, seed, 0, labelled, "total", "loss", value) for name, seed, labelled, value in cells
    ]


def marks(table):
    return {
        (name, head): cell.mark
        for name, cells in table.rows
        for head, cell in zip(table.heads, cells, strict=True)
    }


def test_csv_holds_mean_and_t_interval_of_every_cell(results):
    given = results()
    table = pd.read_csv(io.BytesIO(render(given)["tables/loss_vs_labels.csv"]))
    assert list(table) == ["dataset", "strategy", "labelled", "share", "seeds", "mean", "low", "high"]
    assert len(table) == 5 * 4 + 1
    for row in table.itertuples():
        values = given.table.query("strategy == @row.strategy and labelled == @row.labelled")["value"]
        low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
        assert (row.mean, row.low, row.high, row.seeds) == pytest.approx((values.mean(), low, high, 5))
        assert row.share == row.labelled / 400


def test_cells_are_the_numbers_of_the_csv_as_written(results):
    given = results()
    numbers = long_table(given).set_index(["strategy", "labelled"])
    table = make_table(given, "rooms")
    for name, cells in table.rows:
        for labelled, cell in zip((40, 80, 120, 160), cells, strict=False):
            mean, high = numbers.loc[(name, labelled), ["mean", "high"]]
            assert float(cell.mean) == pytest.approx(mean, abs=6e-4)
            assert float(cell.spread.removeprefix(" ± ")) == pytest.approx(high - mean, abs=6e-4)


def test_heads_are_shares_and_numbers_and_full_data_has_its_own_column(results):
    table = make_table(results(), "rooms")
    assert table.heads == ["10 % (40)", "20 % (80)", "30 % (120)", "40 % (160)", "100 % (400)"]
    ((name, cells),) = table.references
    assert name == "full-data"
    assert [bool(cell.mean) for cell in cells] == [False] * 4 + [True]
    assert all(not cells[-1].mean for _, cells in table.rows)


def test_head_of_an_uneven_share():
    assert head(50, 795) == "6.29 % (50)"


def test_rows_are_sorted_by_mean_over_budgets(results):
    given = results()
    means = long_table(given).query("strategy != 'full-data'").groupby("strategy")["mean"].mean()
    assert [name for name, _ in make_table(given, "rooms").rows] == list(means.sort_values().index)


SEEDS = range(5)


def noisy(name, labelled, mean, spread=0.0):
    """Five seeds of a strategy; what they share is no difference, their own ``spread`` is."""
    own = (0.0, 1.0, -1.0, 0.5, -0.5)
    return [(name, seed, labelled, mean + 0.3 * seed + spread * own[seed]) for seed in SEEDS]


def test_the_lowest_and_what_no_test_tells_from_it_are_marked_where_anything_is_told(results):
    cells = [
        *noisy("random", 40, 1.5), *noisy("b", 40, 1.5), *noisy("c", 40, 1.5),
        *noisy("random", 80, 1.2), *noisy("b", 80, 0.7), *noisy("c", 80, 0.71, spread=0.05),
        *noisy("random", 120, 0.72, spread=0.2), *noisy("b", 120, 0.71, spread=0.1), *noisy("c", 120, 0.7),
    ]  # fmt: skip
    table = make_table(results(losses(*cells)), "rooms")
    marked = {key for key, mark in marks(table).items() if mark}
    assert marked == {("b", "20 % (80)"), ("c", "20 % (80)")}, "none of one shared network, none in the noise"
    assert table.said_of_marks.endswith("does not tell from it, in bold.")


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_so_few_seeds_that_nothing_is_tested_mark_nothing(results, seeds):
    cells = [cell for name, mean in (("random", 2.0), ("b", 1.0)) for cell in noisy(name, 40, mean)[:seeds]]
    table = make_table(results(losses(*cells)), "rooms")
    assert set(marks(table).values()) == {None}
    assert table.said_of_marks == ""


def test_full_data_is_never_marked_nor_competes(results):
    table = make_table(
        results(losses(*noisy("random", 400, 0.9), *noisy("b", 400, 0.8), *noisy("full-data", 400, 0.1))),
        "rooms",
    )
    assert marks(table) == {("b", "100 % (400)"): "best", ("random", "100 % (400)"): None}
    assert table.references[0][1][0].mark is None


def test_means_of_different_seeds_do_not_compete(results):
    cells = [
        ("random", 0, 1.0),
        ("random", 1, 1.1),
        ("b", 0, 0.5),
        ("b", 2, 0.5),
        ("c", 1, 0.9),
        ("c", 2, 0.9),
    ]
    table = make_table(results(losses(*((name, seed, 40, value) for name, seed, value in cells))), "rooms")
    assert set(marks(table).values()) == {None}


def test_a_mean_of_fewer_seeds_is_not_marked_and_says_so(results):
    table = make_table(
        results(losses(("random", 0, 40, 1.0), ("random", 1, 40, 1.1), ("b", 0, 40, 0.5))), "rooms"
    )
    cells = dict(table.rows)
    assert (cells["b"][0].mark, cells["b"][0].seeds, cells["b"][0].spread) == (None, " [n = 1]", "")
    assert cells["random"][0].seeds == ""
    assert "b has no result for seed 1 at any budget." in table.notes
    assert any("fewer seeds" in note for note in table.notes)


def test_what_is_missing_is_named(results):
    complete = [
        (name, seed, size, 1.0) for name in ("random", "b") for seed in range(3) for size in (40, 80, 120)
    ]
    gone = {("b", 1, 80), ("b", 1, 120), ("b", 2, 80), ("b", 2, 120), ("random", 0, 120)}
    table = make_table(results(losses(*(cell for cell in complete if cell[:3] not in gone))), "rooms")
    assert "random has no result for seed 0 at 30 % (120)." in table.notes
    assert "b has no result for seeds 1, 2 at 20 % (80), 30 % (120)." in table.notes
    assert "full-data has no result for seeds 0, 1, 2 at any budget." in table.notes
    assert not table.references


def test_what_nobody_asked_for_is_not_missing(results):
    found = results(losses(("random", 0, 40, 1.0), ("random", 0, 80, 0.9)))
    assert any(note.startswith("full-data has no result") for note in make_table(found, "rooms").notes)
    assert not make_table(replace(found, full_data=frozenset()), "rooms").notes


@pytest.mark.parametrize(
    ("said", "wanted"), [("full_data: false", False), ("full_data: true", True), ("", True)]
)
def test_whether_it_is_asked_for_is_read_from_the_experiment(results, tmp_path, said, wanted):
    results(losses(("random", 0, 40, 1.0)))
    (tmp_path / "experiment.yaml").write_text(f"name: x\n{said}\n")
    assert read_results(tmp_path).full_data == ({"rooms"} if wanted else set())


def test_an_empty_value_is_missing_and_its_cell_a_dash(results):
    table = make_table(results(losses(("random", 0, 40, 1.0), ("b", 0, 40, ""))), "rooms")
    assert dict(table.rows)["b"][0].mean == "\N{EN DASH}"
    assert "b has no result for seed 0 at any budget." in table.notes


def test_complete_results_have_no_note(results):
    assert make_table(results(), "rooms").notes == []


def test_results_without_random_say_so(results):
    assert any(
        note.startswith("random is not among")
        for note in make_table(results(strategies=["b"]), "rooms").notes
    )


@pytest.mark.parametrize(
    ("seeds", "phrase", "descriptive"),
    [
        (1, "one seed (0), so no interval", True),
        (2, "95 % t interval over 2 seeds (0, 1)", True),
        (3, "95 % t interval over 3 seeds (0, 1, 2)", True),
        (5, "95 % t interval over 5 seeds (0, 1, 2, 3, 4)", False),
    ],
)
def test_caption_states_the_seeds(results, seeds, phrase, descriptive):
    given = results(seeds=seeds)
    flat = " ".join(terminal_table(given).split())
    for text in (make_table(given, "rooms").caption, flat):
        assert phrase in text
        assert ("descriptive: too few seeds for a test" in text) is descriptive
    assert ("±" in terminal_table(given)) is (seeds > 1)


def test_markdown_has_bold_best_and_one_cell_per_column(results):
    content = render(results())["tables/loss_vs_labels.md"].decode()
    lines = [line for line in content.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 5 + 1
    assert {line.count("|") for line in lines} == {7}
    assert len(re.findall(r"\| \*\*[\d.]+\*\* ± [\d.]+ (?=\|)", lines[2])) == 3
    assert lines[2].split("|")[2].strip()[:2] != "**", "all share the network of the first budget"


def test_hostile_names_stay_text_in_markdown(results, synthetic, total_only):
    names = ["random", "a_b%$<script>", "x|y", "two\nlines", "[a](b)", "`c`"]
    content = render(results(strategies=names))["tables/loss_vs_labels.md"].decode()
    rows = [line for line in content.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} == {7}
    assert r"a\_b%\$&lt;script&gt;" in content
    assert r"\[a\](b)" in content
    assert r"\`c\`" in content
    assert "<" not in content


def test_several_data_sets_share_the_csv_and_have_a_table_each(results, synthetic, total_only):
    table = [
        *synthetic.rows(metrics=total_only, dataset="rooms", seeds=2),
        *synthetic.rows(metrics=total_only, dataset="nyud", seeds=3, budgets=(80, 159), pool=795),
    ]
    given = results(table)
    files = render(given)
    assert set(pd.read_csv(io.BytesIO(files["tables/loss_vs_labels.csv"]))["dataset"]) == {"nyud", "rooms"}
    assert files["tables/loss_vs_labels.tex"].decode().count(r"\begin{tabular}") == 2
    for text in (files["tables/loss_vs_labels.md"].decode(), terminal_table(given)):
        assert text.index("nyud: total") < text.index("rooms: total")
        assert "20 % (159)" in text


def test_only_full_data_is_a_table_too(results):
    table = make_table(results(losses(("full-data", 0, 400, 0.8))), "rooms")
    assert table.rows == []
    assert table.references[0][1][0].mean == "0.800"


def test_terminal_table_fits_and_is_aligned(results):
    text = terminal_table(results(), width=100)
    assert max(map(len, text.splitlines())) <= 100
    block = text.split("\n\n")[1].splitlines()
    ends = [[match.end() for match in re.finditer(r"\d\.\d{3} ± \d\.\d{3}", line)] for line in block[2:7]]
    assert len(block) == 9
    assert all(end == ends[0] and len(end) == 4 for end in ends)


def test_terminal_table_wraps_long_names_and_many_budgets(results):
    name = "consistency-diversity[weighting=none,measure=loss]"
    text = terminal_table(results(strategies=["random", name], budgets=tuple(range(20, 400, 40))), width=80)
    assert max(map(len, text.splitlines())) <= 80
    blocks = [part for part in text.split("\n\n") if part.startswith("strategy")]
    assert len(blocks) > 2
    assert sum(len(re.findall(r"\(\d+\)", block)) for block in blocks) == 10 + 1
    assert sum("full-data" in block for block in blocks) == 1
    assert all("consistency-diversity" in block and "measure=loss]" in block for block in blocks)


def test_terminal_table_lets_no_control_characters_through(results):
    text = terminal_table(results(strategies=["random", "red\x1b[31m"]))
    assert "\x1b" not in text
    assert "red\N{REPLACEMENT CHARACTER}" in text


@pytest.mark.parametrize(
    ("largest", "expected"), [(0.912, 3), (0.0123, 4), (1.05, 3), (23.4, 2), (5000, 0), (0, 3)]
)
def test_decimals(largest, expected):
    assert decimals(largest) == expected


def test_order_of_the_rows_of_the_file_does_not_matter(results, synthetic, total_only):
    table = synthetic.rows(metrics=total_only, seeds=3)
    shuffled = [table[i] for i in np.random.default_rng(1).permutation(len(table))]
    assert render(results(shuffled)) == render(results(table))


def test_a_strategy_that_saw_labels_is_shown_below_the_rule_and_never_marked(synthetic, total_only, tmp_path):
    names = ("random", "entropy", "true-loss")
    rows = synthetic.rows(strategies=names, metrics=total_only)
    folder = synthetic.write(tmp_path / "with-reference", rows)
    file = folder / "environment.json"
    about = {name: {"reference": name == "true-loss"} for name in names}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"strategies": about}))
    table = make_table(read_results(folder), "rooms")
    assert {name for name, _ in table.rows} == {"random", "entropy"}
    assert [name for name, _ in table.references] == ["true-loss", "full-data"]
    assert all(cell.mark is None for _, cells in table.references for cell in cells)
    assert [cells[3].mark for _, cells in table.rows] == ["best", None]  # though true-loss is below both
    assert "true-loss is told what no strategy may know: a reference, not ranked." in table.notes
    (subject,) = subjects(read_study(folder))
    assert "true-loss (reference)" in loss_curves.render(subject, Paper())["total_loss"]["svg"].decode()


@pytest.mark.parametrize("strategies", [[], {"random": 3}, "all"])
def test_what_is_known_of_strategies_must_be_a_mapping(synthetic, total_only, tmp_path, strategies):
    folder = synthetic.write(tmp_path / "odd", synthetic.rows(metrics=total_only))
    file = folder / "environment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"strategies": strategies}))
    with pytest.raises(UserError, match=r'environment.json must hold "strategies" as a mapping'):
        read_results(folder)
