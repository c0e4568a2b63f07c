"""docs/study.md says what its published results say; its marked tables are held by test_study_tables."""

import re
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from published import DECLARED, DOCS, RARE, difference, judged, means, one_line, published, spreads

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.authoring.study_tables import rows as marked
from benchmark.report.compare import document, pairs
from benchmark.report.dataset_results import subjects
from benchmark.report.results.merge import merged
from benchmark.report.selections.chosen_labels import DISTANCE
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.tables.cost_table import costs_of
from benchmark.report.tables.costs import mean_costs
from strategies.registry import resolve

NYUD = DOCS.parents[1] / "shared" / "nyud240"
CAMVID = DOCS.parents[1] / "shared" / "realdata" / "camvid"


def said():
    return one_line("study.md")


def study_of(name):
    return published(f"{name}.zip")


def decided(name):
    """The statistics of a study, and its plan's decisions on the reconstruction and on the improved form."""
    found = evidence(study_of(name).results, name)
    method, improved = found.planned.decisions
    assert (method.strategy, improved.strategy) == ("consistency-diversity", DECLARED)
    assert not found.planned.changes
    return found, method, improved


def errors(found, strategy):
    """Of the strategy's difference to random: over images, and over seeds."""
    error = found.image_areas.difference(strategy, "random")
    return [f"{part:.4f}".lstrip("0") for part in (error.over_images, error.over_seeds)]


def spent_by_the_method(archive):
    """Mean processor seconds of a round, by what they went to."""
    (subject,) = subjects(study_of(archive))
    return mean_costs(costs_of(subject)).set_index("strategy").loc["consistency-diversity"]


def test_what_the_improved_form_was_declared_on_is_what_its_archive_says():
    rows = study_of("development-nyud").results.table
    rows = rows[(rows["seed"] == 200) & (rows["task"] == "total") & (rows["metric"] == "loss")]
    losses = {name: group.sort_values("labelled")["value"] for name, group in rows.groupby("strategy")}
    section = (DOCS / "study.md").read_text().split("\n## What was declared")[1].split("\n## ")[0]
    said = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    assert len(said) == 8
    for name, *cells in said:
        full = resolve(name.split("`")[1]).name
        assert [float(cell) for cell in cells] == pytest.approx(losses[full].tolist(), abs=5e-4)


def test_what_the_method_loses_in_development_is_what_its_archives_say():
    def shares(name, dataset):
        found = evidence(study_of(name).results, dataset)
        areas = found.naubc.pivot(index="seed", columns="strategy", values="naubc")
        lost = areas["consistency-diversity"] - areas["random"]
        return [f"{100 * lost[seed] / gap:.0f}" for seed, gap in found.gap.by_seed.items()]

    first, second = shares("development-nyud", "nyud")
    assert f"by {first} and {second} % of what labels can gain there in two seeds of NYUD-v2" in said()
    (only,) = shares("development-rooms", "rooms")
    assert f"by {only} % in one seed of rooms" in said()


def test_every_form_of_the_product_lost_more_in_development_than_coverage_with_the_same_score():
    for name, dataset in (("development-nyud", "nyud"), ("development-rooms", "rooms")):
        areas = evidence(study_of(name).results, dataset).naubc
        areas = areas[areas["seed"] == 200].set_index("strategy")["naubc"].dropna()
        method = areas[areas.index.str.startswith("consistency-diversity")]
        covers = method[method.index.str.contains("select=cover")]
        products = method[~method.index.str.contains("select=(?:cover|random)", regex=True)]
        assert len(covers) == 3
        assert len(products) >= 3
        assert products.min() > covers.max()


def test_the_verdict_of_nyud_is_that_of_its_plan():
    found, method, improved = decided("nyud")
    assert (method.status, improved.status) == ("equivalent", "equivalent")
    assert (method.seeds, improved.seeds, found.planned.plan.looks[0]) == (6, 6, 6)
    interval = f"95 % interval over all looks and of the family {method.low:.3f} to {method.high:+.3f}"
    numbers = f"({interval}; equivalence p = {method.equivalence:.3f}, six seeds)"
    share = f"which is {100 * method.mean / found.gap.mean:.0f} % of the gap"
    assert f"{method.mean:+.3f} of [NAUBC]" in said()
    assert f"{numbers}, {share}" in said()
    assert f"covers the pool ({improved.mean:.3f}, p = {improved.equivalence:.3f})" in said()


def test_what_is_said_of_the_regime_of_nyud_is_what_its_rows_of_random_say():
    met, text = judged(study_of("nyud"), "nyud")
    assert met == [True] * 6
    assert "depth RMSE 1.005 to 0.8993" in text
    assert "semseg 44 %" in text
    assert "gap 0.447: 3.8 %" in text
    rows = study_of("nyud").results.table
    rows = rows[rows["strategy"].str.startswith("random") & (rows["labelled"] < 795)]

    def curve(task, metric, places):
        part = rows[(rows["task"] == task) & (rows["metric"] == metric)]
        return [f"{value:.{places}f}" for value in part.groupby("labelled")["value"].mean()]

    assert f"{', '.join(curve('semseg', 'miou', 1))} at 40, 80, 159, 318 labels" in said()
    assert f"refined loss falls ({', '.join(curve('semseg', 'loss', 2))})" in said()
    losses = [float(loss) for loss in curve("total", "loss", 6)]
    assert f"labels gain {losses[1] - losses[3]:.2f}".replace("0.", ".") in said()


def test_costs_and_errors_of_nyud_are_those_of_its_archive():
    found, *_ = decided("nyud")
    both = [errors(found, name) for name in ("consistency-diversity", DECLARED)]
    over_images, over_seeds = zip(*both, strict=True)
    assert f"over images is {over_images[0]} (reconstruction) and {over_images[1]} (improved form)" in said()
    assert f"beside {over_seeds[0]} and {over_seeds[1]} over seeds" in said()
    spent = spent_by_the_method("nyud")
    assert f"a pass over the pool of {spent['observe']:.0f} s" in said()
    assert f"beside {spent['train']:.0f} s of training a round" in said()
    heads, _, *table = (row.split("|")[1:-1] for row in marked(DOCS, "study/nyud.zip", "delta_mtl"))
    of = {row[0].strip(): [re.search(r"-[\d.]+", cell)[0] for cell in row[1:]] for row in table}
    improved = next(cells for name, cells in of.items() if "cover" in name)
    method, random = of["consistency-diversity"], of["random (mean of 3 draws)"]
    depth, semseg = (([head.strip() for head in heads].index(task)) - 1 for task in ("depth", "semseg"))
    assert f"({method[semseg]} and {improved[semseg]} % against {random[semseg]})" in said()
    assert f"({method[depth]} against {random[depth]})" in said()


@pytest.mark.slow
@pytest.mark.skipif(not NYUD.is_dir(), reason="the images are not here: ../shared/nyud240")
def test_what_is_said_of_the_images_of_nyud_is_what_the_command_says():
    mean = means(spreads(study_of("nyud"), NYUD))
    for column, places, form in (
        ("edge (% of pixels)", 2, "edges on {} % of their pixels (random {})"),
        ("semseg (classes an image)", 2, "{} classes an image ({})"),
        (RARE, 1, "{} % of them with a rare class ({})"),
    ):
        both = [mean(name, column, places) for name in ("consistency-diversity", "random")]
        assert form.format(*both) in said()
    assert f"({mean('consistency-diversity', DISTANCE, 2)} of random choices)" in said()
    for column, places, form in (
        ("edge (% of pixels)", 2, "edges on {} and {} % of their pixels (random {})"),
        ("semseg (classes an image)", 1, "{} and {} classes an image ({})"),
        (RARE, 1, "({} and {} % of them show one, random {})"),
    ):
        three = [mean(name, column, places) for name in ("learning-loss", "entropy", "random")]
        assert form.format(*three) in said()
    plain = mean("core-set", "edge (% of pixels)", 2), mean("core-set", "semseg (classes an image)", 1)
    assert "plain ones ({} %, {} classes)".format(*plain) in said()


def test_the_labels_that_nyud_s_strategies_need_are_those_of_the_headline():
    rows = {
        row.split("|")[1].strip(): row.split("|")[-2] for row in marked(DOCS, "study/nyud.zip", "headline")
    }
    improved = next(cell for name, cell in rows.items() if "cover" in name)
    assert f"the improved form needs {improved.split(' (')[0].strip()} of the labels" in said()
    for cell in (improved, rows["consistency-diversity"]):
        assert re.search(r"\(from [\d.]+\)", cell)[0] in said()


def test_the_verdict_of_the_long_tail_is_that_of_its_plan():
    found, method, improved = decided("rooms-longtail")
    assert (method.status, method.seeds) == ("worse", 10)
    interval = f"95 % interval {method.low:.3f} to {method.high:.3f}, p = {method.holm:.3f}, ten seeds"
    assert f"by {method.mean:.3f} of NAUBC ({interval})" in said()
    assert f"which is {100 * method.mean / found.gap.mean:.0f} % of what labels can gain there" in said()
    assert f"less than the plan's margin of 10 % (p = {method.equivalence:.3f})" in said()
    assert improved.status == "equivalent"
    both = found.image_areas.difference("consistency-diversity", "random")
    assert f"over seeds and images {both.low:.3f} to {both.high:.3f}" in said()


def test_the_rows_of_random_there_meet_the_six_criteria_of_a_gate():
    met, text = judged(study_of("rooms-longtail"), "rooms-longtail")
    assert met == [True] * 6
    assert "saliency 28 %, semseg 35 %" in text
    assert "gap 0.9417: 5.1 %" in text
    assert "largest share of the fall 35 %, spread of NAUBC over seeds 5.1 % of the gap" in said()


def test_the_method_loses_there_at_every_budget_after_the_first_and_most_in_saliency():
    rows = study_of("rooms-longtail").results.table
    losses = rows[
        (rows["metric"] == "loss") & (rows["task"] == "total") & rows["labelled"].isin([40, 80, 160])
    ]
    means = losses.groupby(["labelled", "strategy"])["value"].mean().unstack()
    assert (means["consistency-diversity"] > means.filter(regex="^random").mean(axis=1)).all()
    heads, _, *table = (row.split("|")[1:-1] for row in marked(DOCS, "study/rooms-longtail.zip", "delta_mtl"))
    by_name = {
        name.strip(): [float(re.search(r"-[\d.]+", cell)[0]) for cell in cells] for name, *cells in table
    }
    lost = np.subtract(by_name["random (mean of 3 draws)"], by_name["consistency-diversity"])
    assert heads[1 + lost.argmax()].strip() == "saliency"


def test_the_verdict_of_camvid_is_that_of_its_plan():
    found, method, improved = decided("camvid")
    assert (method.status, improved.status) == ("equivalent", "equivalent")
    assert (method.seeds, improved.seeds) == (10, 10)
    interval = (
        f"(95 % interval {method.low:.3f} to {method.high:+.3f}, equivalence p = {method.equivalence:.3f}"
    )
    share = f"{100 * method.mean / found.gap.mean:.0f} % of the gap"
    assert f"reconstruction {method.mean:+.3f} {interval}, ten seeds), {share}" in said()
    assert f"the improved form {improved.mean:.3f}. Decided [by its plan](#camvid)" in said()


def test_the_first_look_at_camvid_decided_nothing():
    results = study_of("camvid").results
    first = replace(results, table=results.table[results.table["seed"] < 6])
    looked = evidence(first, "camvid").planned
    assert [(one.status, one.seeds) for one in looked.decisions] == [("open", 6), ("open", 6)]
    shifts, both = ([getattr(one, part) for one in looked.decisions] for part in ("mean", "equivalence"))
    assert len({f"{p:.3f}" for p in both}) == 1
    differences = f"differences of {shifts[0]:+.3f} and {shifts[1]:.3f}"
    assert f"({differences}, equivalence p = {both[0]:.3f} of both)" in said()


def test_the_rows_of_random_on_camvid_meet_the_six_criteria_of_a_gate():
    met, text = judged(study_of("camvid"), "camvid")
    assert met == [True] * 6
    first, full = re.search(r"semseg mIoU \(%\) ([\d.]+) to ([\d.]+);", text).groups()
    largest, spread = re.search(r"semseg (\d+) %", text)[1], re.search(r"gap [\d.]+: ([\d.]+) %", text)[1]
    assert (
        f"(mIoU {float(first):.1f} to {float(full):.1f}, the largest share of the fall {largest} %" in said()
    )
    assert f"{largest} %, spread of NAUBC over seeds {spread} % of the gap)" in said()


def test_costs_and_errors_of_camvid_are_those_of_its_archive():
    found, *_ = decided("camvid")
    over_images, over_seeds = errors(found, "consistency-diversity")
    assert f"and {over_images} of the difference (reconstruction), beside {over_seeds} over seeds" in said()
    spent = spent_by_the_method("camvid")
    assert f"over the pool of {spent['observe']:.0f} s and half a second of selection" in said()
    assert f"beside {spent['train']:.0f} s of training a round" in said()
    assert spent["select"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
@pytest.mark.skipif(not CAMVID.is_dir(), reason="the images are not here: ../shared/realdata/camvid")
def test_what_is_said_of_the_images_of_camvid_is_what_the_command_says():
    mean = means(spreads(study_of("camvid"), CAMVID, DOCS / "examples" / "camvid.yaml"))
    salient = [
        mean(name, "saliency (% of pixels)", 2) for name in ("consistency-diversity", "random", DECLARED)
    ]
    assert "{} % of their pixels (random {}, improved form {})".format(*salient) in said()
    assert f"({mean('consistency-diversity', DISTANCE, 2)} of random choices)" in said()
    rare = [mean(name, RARE, 1) for name in ("consistency-diversity", "random")]
    assert "({} % of them with one, random {})".format(*rare) in said()
    assert f"than random ones ({mean('typiclust', DISTANCE, 2)} of random choices)" in said()
    apart = [mean(name, DISTANCE, 2) for name in ("core-set", "max-herding")]
    assert "what lies apart ({} and {})".format(*apart) in said()


def test_the_verdict_of_near_identical_frames_is_that_of_its_plan():
    found, method, improved = decided("rooms-video")
    assert (method.status, improved.status) == ("equivalent", "better")
    assert (method.seeds, improved.seeds) == (6, 6)
    interval = f"{-improved.high:.3f} to {-improved.low:.3f}, p = {improved.holm:.3f}, six seeds"
    assert (
        f"by {-improved.mean:.3f} of NAUBC (95 % interval over all looks and of the family {interval})"
        in said()
    )
    share = f"{-100 * improved.mean / found.gap.mean:.0f} % of the gap"
    assert f"which is {share} and less than 10 % (p = {improved.equivalence:.3f})" in said()
    assert f"equivalent to random within 10 % ({method.mean:+.3f}, p = {method.equivalence:.3f})" in said()
    assert f"the improved form's p is {improved.max_t:.3f}" in said()
    both = found.image_areas.difference(DECLARED, "random")
    images, seeds = errors(found, DECLARED)
    assert f"images is {images} of the improved form's difference, beside {seeds} over seeds" in said()
    assert f"(95 % over both {both.low:.3f} to {both.high:.3f})" in said()


def test_the_rows_of_random_on_frames_meet_five_criteria_of_six():
    met, text = judged(study_of("rooms-video"), "rooms-video")
    assert met == [True, True, False, True, True, True]
    assert "saliency at 20 % (200) (loss 0.1544 against 0.154); saliency at 100 % (1000)" in text
    assert "(loss 0.1563 against 0.1502)" in text
    assert "semseg mIoU (%) 11.13 to 24.73" in text
    assert "normals 41 %, saliency 4 %" in text
    assert "gap 0.5106: 6.0 %" in text
    assert "largest share of the fall 41 %, spread of NAUBC over seeds 6.0 % of the gap)" in said()


def test_the_controls_on_frames_are_those_of_the_archive():
    better, worse = (
        difference("rooms-video", name) for name in ("known-groups", "known-groups[order=packed]")
    )
    parts = [-better["mean"], -better["high"], -better["low"], worse["mean"], worse["low"], worse["high"]]
    numbers = [f"{part:.3f}" for part in parts]
    assert "by {} ({} to {}), no more than the improved form".format(*numbers[:3]) in said()
    assert "is worse by {} ({} to {})".format(*numbers[3:]) in said()
    assert f"by {numbers[0]} and {numbers[3]}." in one_line("regime.md")


def test_coverage_without_a_score_wins_as_much():
    each = [difference("rooms-video", name) for name in ("core-set", "max-herding", "typiclust")]
    one, other, third = (f"{found['mean']:.3f}" for found in each)
    assert f"are as low in the mean ({third}, {one} and {other}, exploratory)" in said()
    assert (
        f"differ from random by {one}, {other} and {third} (exploratory; six, six and four seeds)" in said()
    )
    assert [len(found["seeds"]) for found in each] == [6, 6, 4]
    corrected = ", ".join(f"{found['corrected']:.3f}" for found in each)
    assert f"none of the three is told from random (p = {corrected})" in said()
    for name in ("max-herding", "typiclust"):
        both = difference("rooms-video", DECLARED, name)
        assert f"by {both['mean']:+.3f} ({both['low']:.3f} to {both['high']:+.3f})" in said()


def test_the_walks_that_were_found_are_those_of_the_rounds():
    walks = defaultdict(list)
    for done in study_of("rooms-video").rounds:
        name = done.strategy.partition("[draw")[0]
        walks[name, len(done.labelled)].append(len({image.split("-c")[1][:3] for image in done.labelled}))
    names = (DECLARED, "consistency-diversity", "random")
    few, many = ([f"{np.mean(walks[name, count]):.0f}" for name in names] for count in (150, 200))
    first = "are of {} of the hundred walks, the reconstruction's of {}, random ones of {}".format(*few)
    assert f"{first} (means; with 200 labels {many[0]}, {many[1]} and {many[2]})" in said()
    assert {*walks["core-set", 150], *walks["max-herding", 150]} == {100}
    assert np.mean(walks["typiclust", 150]) == 99.5
    entropy, loss = (f"{np.mean(walks[name, 150]):.0f}" for name in ("entropy", "learning-loss"))
    assert (
        f"`entropy` has images of {entropy} of them and `learning-loss` of {loss}, random of {few[2]}"
        in said()
    )


@pytest.mark.slow
def test_what_is_said_of_the_frames_is_what_the_command_says():
    """It renders the rooms again."""
    mean = means(spreads(study_of("rooms-video")))
    names = ("consistency-diversity", DECLARED, "random")
    edges = [mean(name, "edge (% of pixels)", 2) for name in names]
    assert "edges on {} % of their pixels (improved form {}, random {})".format(*edges) in said()
    far = [mean(name, DISTANCE, 2) for name in (DECLARED, "consistency-diversity")]
    assert (
        "lie {} times as far from each other as random ones ({} the reconstruction's)".format(*far) in said()
    )


def test_the_mean_over_the_data_sets_is_that_of_the_command():
    every = merged([study_of(name) for name in ("nyud", "rooms-longtail", "rooms-video", "camvid")]).results
    (reconstruction, improved), (p, other_p) = zip(
        *(
            over_datasets(document(pairs(every, name, "random"))["over_datasets"])
            for name in ("consistency-diversity", DECLARED)
        ),
        strict=True,
    )
    mean, low, high, below, above = reconstruction
    interval = f"(95 % {low} to {high} %, p = {p}; a further data set {below} to {above} %)"
    assert f"minus random is {mean} % of the gap {interval}" in said()
    mean, low, high, below, above = improved
    interval = f"({low} to {high} %, p = {other_p}; a further data set {below} to {above} %)"
    assert f"the improved form {mean} % {interval}" in said()


def over_datasets(found):
    """Mean, interval and prediction interval in per cent, and the p value."""
    parts = ("mean", "low", "high", "further_low", "further_high")
    return [f"{100 * found[part]:+.0f}" for part in parts], f"{found['p']:.3f}"


@pytest.mark.slow
def test_what_is_said_of_the_images_that_it_chose_there_is_what_the_command_says():
    """It renders the rooms again."""
    spread = spreads(study_of("rooms-longtail"))
    mean = means(spread)
    edges = [mean(name, "edge (% of pixels)", 2) for name in ("consistency-diversity", "random")]
    assert f"edges on {edges[0].removesuffix('0')} % of their pixels (random {edges[1]} %)" in said()
    assert f"farther apart ({mean('consistency-diversity', DISTANCE, 2)} of random choices)" in said()
    rare = spread("consistency-diversity", RARE, 1)
    assert f"{rare} % of its images show a rare class, {mean('random', RARE, 1)} % of random's" in said()
    names = ("entropy", "learning-loss", "random")
    edges = [mean(name, "edge (% of pixels)", 2) for name in names]
    assert "edges on {} and {} % of their pixels (random {})".format(*edges) in said()
    classes = [mean(name, "semseg (classes an image)", 2) for name in names]
    assert "and {} and {} classes ({})".format(*classes) in said()
    assert f"{spread('core-set', RARE, 1)} % of `core-set`'s images show one" in said()
