"""What figures of many strategies show: spread where there is something to show, and one range for all."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmark.report.dataset_results import subjects
from benchmark.report.drawing.axis_range import window
from benchmark.report.drawing.curve_panels import budget_ticks
from benchmark.report.drawing.emphasis import emphasis
from benchmark.report.drawing.legend import spread_in_words
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures import delta_mtl_dots, loss_curves, small_multiples
from benchmark.report.results.study import read_study

PAPER = Paper()
NINE = ("random", *(f"tied-{letter}" for letter in "abcdef"), "worse", "better")


def table_of(names, seeds, pool=400, budgets=(20, 40, 80, 160)):
    """Tied strategies differ by noise, ``worse`` and ``better`` by far more; the first budget is shared."""
    rng, rows = np.random.default_rng(3), []
    shift = {"worse": 0.4, "better": -0.4}
    for seed in range(seeds):
        for name in names:
            for number, labelled in enumerate(budgets):
                own = (shift.get(name, 0) + 0.02 * rng.normal()) if number else 0
                loss = 5.4 + 40 / labelled + 0.01 * seed + own
                rows.append(("rooms", name, seed, number, labelled, "total", "loss", float(loss)))
        rows.append(("rooms", "full-data", seed, 0, pool, "total", "loss", 5.45 + 0.01 * seed))
    return rows


@pytest.fixture
def subject_of(synthetic, tmp_path):
    def made(names, seeds=5, **options):
        (subject,) = subjects(read_study(synthetic.write(tmp_path, table_of(names, seeds, **options))))
        return subject

    return made


def drawn(subject, paper=PAPER):
    """The CSV of the total loss as a table, and its matplotlib Figure."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda self, *_, **__: seen.append(self))
        files = loss_curves.render(subject, paper)
    return pd.read_csv(io.BytesIO(files["total_loss"]["csv"]), keep_default_na=False), seen[0]


def test_of_many_the_reference_and_what_differs_from_it_beyond_doubt_show_their_spread(subject_of):
    subject = subject_of(NINE)
    assert {one.strategy for one in subject.evidence.differing} == {"worse", "better"}
    table, figure = drawn(subject)
    assert set(table.loc[table["drawn"] != "", "strategy"]) == {"random", "worse", "better", "full-data"}
    (ax,) = figure.axes
    assert len(ax.collections) == 3
    marked = [line for line in ax.lines if line.get_marker() != "None"]
    assert len(marked) == len(NINE)
    assert sum(line.get_linewidth() > 1 for line in marked) == 3
    (legend,) = figure.legends
    assert "of what differs from it (corrected p < 0.05)" in legend.get_title().get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("names", "seeds", "spread", "words"),
    [
        (NINE[:7], 5, {"random"}, "nothing differs from it"),
        (NINE, 3, {"random"}, "so few seeds bear no test"),
        (NINE[1:7], 5, set(), "no random to differ from"),
        (NINE[:5], 5, set(NINE[:5]), ""),
    ],
)
def test_the_rule_is_said_where_not_all_show_their_spread(subject_of, names, seeds, spread, words):
    found = emphasis(subject_of(names, seeds))
    assert found.spread == spread
    assert words in found.words
    assert bool(found.words) == bool(words)


def test_over_nine_strategies_each_has_a_panel_before_the_field_of_the_others(subject_of):
    names = (*NINE, "tenth")
    subject = subject_of(names)
    table, figure = drawn(subject)
    assert [ax.get_title(loc="left") for ax in figure.axes] == subject.order
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    for name, ax in zip(subject.order, figure.axes, strict=True):
        grey = [line for line in ax.lines if line.get_color() == small_multiples.curve_panels.FIELD_COLOUR]
        assert len(grey) == len(names) - (1 if name == "random" else 2)
        means = table[table["strategy"] == name].drop_duplicates("labelled")["mean"]
        own = [
            line
            for line in ax.lines
            if line.get_color() == subject.look[name].colour and line.get_marker() != "None"
        ]
        assert list(own[0].get_ydata()) == pytest.approx(list(means))
    assert "grey: all others" in " ".join(figure.get_supxlabel().split())


def test_a_panel_has_random_in_the_seeds_of_its_strategy(synthetic, tmp_path):
    """Seeds differ by more than strategies: a mean over all is too high for one of easy ones."""
    names = (*NINE, "short")
    rows = [row for row in table_of(names, 5) if row[1] != "short" or row[2] < 2]
    rows = [(*row[:-1], row[-1] + row[2]) for row in rows]
    (subject,) = subjects(read_study(synthetic.write(tmp_path, rows)))
    _, figure = drawn(subject)
    table = pd.DataFrame(rows, columns=["d", "strategy", "seed", "n", "labelled", "t", "m", "value"])
    random = table[(table["strategy"] == "random")]
    for name, seeds in (("short", {0, 1}), ("tied-a", set(range(5)))):
        ax = figure.axes[subject.order.index(name)]
        (black,) = (line for line in ax.lines if line.get_color() == subject.look["random"].colour)
        means = random[random["seed"].isin(seeds)].groupby("labelled")["value"].mean()
        assert list(black.get_ydata()) == pytest.approx(list(means))
    assert "black: random in the panel's seeds" in " ".join(figure.get_supxlabel().split())


def test_a_first_budget_beyond_the_axes_is_that_of_the_panel_s_seeds(synthetic, tmp_path):
    rows = [row for row in table_of(("random", "a-short", "worse"), 5) if row[1] != "a-short" or row[2] < 2]
    (subject,) = subjects(read_study(synthetic.write(tmp_path, rows)))
    numbers = loss_curves.with_means(subject.results.of("rooms")).assign(drawn="")
    firsts = [5.4 + 40 / 20 + 0.01 * seed for seed in range(5)]
    assert window(numbers, "a-short").beyond == pytest.approx((5, np.mean(firsts[:2])))
    assert window(numbers, "worse").beyond == pytest.approx((5, np.mean(firsts)))
    assert window(numbers).beyond == pytest.approx((5, np.mean(firsts))), "of those with most seeds"


@pytest.mark.parametrize("seeds", [2, 5])
def test_the_axis_is_spent_on_what_tells_strategies_apart(subject_of, seeds):
    subject = subject_of(("random", "worse", "better"), seeds)
    table, figure = drawn(subject)
    (ax,) = figure.axes
    low, high = ax.get_ylim()
    later = table[(table["labelled"] > 20) & (table["strategy"] != "full-data")]
    assert low < later["value"].min() <= later["value"].max() < high < 7.3
    first = table.loc[table["labelled"] == 20, "mean"].iloc[0]
    assert [text.get_text() for text in ax.texts] == [f"{first:.3g} ↑"]
    said = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert "the first budget, whose network all share, is beyond the axes" in said
    assert {5.0, 10.0, 20.0, 40.0} == set(ax.get_xticks())


def test_a_first_budget_that_wastes_nothing_or_is_not_shared_stays(
    subject_of, synthetic, total_only, tmp_path
):
    def of(table):
        rows = loss_curves.with_means(table)
        return window(rows.assign(drawn=""))

    subject = subject_of(("random", "worse"), budgets=(80, 100, 160))
    assert not of(subject.results.of("rooms")).cut
    (own,) = subjects(read_study(synthetic.write(tmp_path / "own", synthetic.rows(metrics=total_only))))
    assert not of(own.results.of("rooms")).cut


def test_a_shared_network_that_another_processor_trained_again_is_shared(subject_of):
    table = loss_curves.with_means(subject_of(("random", "worse")).results.of("rooms")).assign(drawn="")
    again = (table["strategy"] == "worse") & (table["labelled"] == table["labelled"].min())
    for factor, is_cut in ((1.0002, True), (1.02, False)):
        rows = table.assign(value=table["value"].where(~again, factor * table["value"]))
        assert window(rows).cut == is_cut


def test_labels_of_budgets_close_together_do_not_touch():
    ax = Figure(figsize=(1.6, 1)).subplots()
    budget_ticks(ax, [5.03, 10.1, 20.0, 40.0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5.03", "", "20", "40"]
    wide = Figure(figsize=(6, 1)).subplots()
    budget_ticks(wide, [5.03, 10.1, 20.0, 40.0])
    assert "" not in [label.get_text() for label in wide.get_xticklabels()]


def test_a_caption_says_of_how_many_seeds_where_some_strategies_have_fewer(subject_of):
    rows = loss_curves.with_means(subject_of(("random", "worse")).results.of("rooms"))
    most = rows["seed"].nunique()
    fewer = rows[(rows["strategy"] != "worse") | (rows["seed"] < most - 1)]
    assert spread_in_words(rows) == f"mean and 95 % t interval of {most} seeds"
    assert spread_in_words(fewer) == f"mean and 95 % t interval of {most - 1} to {most} seeds"


def test_captions_can_be_left_to_the_paper(subject_of):
    subject = subject_of(("random", "worse"))
    plain = Paper(captions=False)
    _, figure = drawn(subject, plain)
    assert figure.legends[0].get_title().get_text() == ""
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["random", "worse", "full-data"]
    _, said = drawn(subject)
    assert said.get_figheight() > figure.get_figheight()
    _, many = drawn(subject_of((*NINE, "tenth")), plain)
    assert many.get_supxlabel() == ""


def test_rows_fit_a_page_however_many_strategies_there_are(synthetic, tmp_path):
    metrics = {("total", "loss"): (1.3, -0.45, 0.025), ("depth", "rmse"): (0.9, -0.25, 0.015)}
    names = [
        "random",
        *(f"consistency-diversity[measure=loss,power=0.{number},weighting=none]" for number in range(40)),
    ]
    folder = synthetic.write(tmp_path, synthetic.rows(names, 2, budgets=(40, 80), metrics=metrics))
    synthetic.add_facts(folder, tasks={"depth": {"headline": "rmse"}})
    (subject,) = subjects(read_study(folder))
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda self, *_, **__: seen.append(self))
        delta_mtl_dots.render(subject, Paper())
    assert seen[0].get_figheight() < 7.2
    assert len(seen[0].axes[0].get_yticklabels()) == len(names)
