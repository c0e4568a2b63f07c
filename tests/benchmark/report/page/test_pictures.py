"""Pictures on the page: beside their scores, and no more of them than the page may weigh."""

import base64
from dataclasses import replace

import pytest
from kept_pictures import a_round, jpeg, keep
from parsed_page import Parsed, chapter_of, page_of

from benchmark.records.round_store import Store
from benchmark.records.selection_pictures import Pick
from benchmark.report.formats.table import MISSING
from benchmark.report.page.gallery import Choice, fitting
from benchmark.report.page.page import LIMIT
from benchmark.report.results.study import read_study


def test_pictures_stand_beside_their_scores_and_maps(synthetic, tmp_path, total_only):
    folder = synthetic.write(tmp_path / "r", synthetic.rows(["random", "entropy"], 2, metrics=total_only))
    for seed in (1, 3):
        for strategy in ("random", "entropy"):
            done = a_round(strategy, labelled=["a"], selected=["b", "c"], seed=seed)
            Store(folder).write(done)
            scored = {"scores": {"depth": (0.5, 0.96)}, "maps": {"depth": jpeg(seed=seed)}}
            keep(folder, done, [Pick("stale", jpeg(7)), Pick("c", jpeg(9), **scored)])
    study = read_study(folder)
    parsed = Parsed(page_of(study))
    images = [image["src"] for image in parsed.all("img")]
    uri = "data:image/jpeg;base64,"
    expected = [uri + base64.b64encode(content).decode() for content in (jpeg(9), jpeg(seed=1))]
    assert images == 2 * expected, "of the first seed, and none of an image that was not selected"
    text = " ".join(" ".join(parsed.text).split())
    for words in ("with seed 1", "2. c", "0.500", "96 %", "first 1 of 2", "Round 0: chosen with 1 labels"):
        assert words in text
    chapter = chapter_of(study)
    assert [line.cells[0].cell.mean for line in chapter.costs.rows] == ["3", "3"]
    assert [line.cells[3].cell.mean for line in chapter.costs.rows] == [MISSING, MISSING]


def test_too_many_pictures_are_thinned_evenly_and_the_page_says_so():
    found = [
        Choice(name, 0, number, 10, 10, {n: Pick(str(n), bytes(30_000)) for n in range(1, 7)})
        for number in range(8)
        for name in ("a", "b")
    ]
    whole = sum(choice.size for choice in found)
    assert fitting(0, found, whole) == fitting(0, found, 10**9)
    assert fitting(0, found, whole).note == ""
    for share, picks, rounds in [(0.99, 5, 8), (0.52, 3, 8), (0.12, 1, 4), (0.03, 1, 1)]:
        gallery = fitting(0, found, int(share * whole))
        shown = [choice for _, choices in gallery.rounds for choice in choices]
        assert {len(choice.picks) for choice in shown} == {picks}
        assert len(gallery.rounds) == rounds
        assert len(shown) == 2 * rounds
        assert f"shows {picks} of up to 6" in gallery.note
    assert fitting(0, found, 100).rounds == []
    assert "do not fit" in fitting(0, found, 100).note
    assert fitting(None, [], 100).note == ""


@pytest.mark.parametrize("name", ["entropy", '"' * 50])
def test_pictures_take_no_more_of_the_page_than_is_counted(study, monkeypatch, name):
    made = study(strategies=[name], seeds=1)
    scores = {"<" * 9: (0.5, 0.5), "depth": (123456.0, 1.0)}
    maps = {"<" * 9: jpeg(), "depth": jpeg()}
    picks = [Pick(f"{'&' * 30}{n}", jpeg(64), scores, maps) for n in range(6)]
    monkeypatch.setattr("benchmark.report.page.gallery.read_picks", lambda _: picks)
    chosen = [pick.image_id for pick in picks]
    rounds = tuple(a_round(name, number, [str(number)], chosen) for number in range(10))
    grown = len(page_of(replace(made, rounds=rounds))) - len(page_of(made))
    counted = 10 * Choice(name, 0, 0, 1, 6, dict(enumerate(picks))).size
    assert 0.6 * counted < grown <= counted


@pytest.mark.slow
def test_thousands_of_rounds_stay_below_the_limit(synthetic, tmp_path, total_only, monkeypatch):
    strategies = [f"strategy-{number:02d}" for number in range(20)]
    rows = synthetic.rows(strategies, 2, range(4, 404, 4), metrics=total_only)
    study = read_study(synthetic.write(tmp_path / "r", rows))
    numbers = range(100)
    rounds = tuple(a_round(name, n, [str(n)], ["b"]) for name in strategies for n in numbers)
    content = jpeg(64)
    assert len(content) * len(rounds) > LIMIT
    monkeypatch.setattr("benchmark.report.page.gallery.read_picks", lambda _: [Pick("b", content)])
    files = {"figures/huge.csv": bytes(3_000_000), "tables/small.csv": b"a,b\n"}
    page = page_of(replace(study, rounds=rounds), files)
    assert 0.5 * LIMIT < len(page) < LIMIT
    text = " ".join(Parsed(page).text)
    assert "To keep this page small it shows 1 of up to 1 pictures a choice of one round in" in text
    assert "Too large for this page, and in the results folder: figures/huge.csv." in text


def test_a_page_too_large_even_without_pictures_goes_without_its_bulk_and_says_so(study, monkeypatch):
    made = study(seeds=2)
    whole = page_of(made)
    monkeypatch.setattr("benchmark.report.page.page.FULL", int(0.6 * len(whole)))
    less = page_of(made)
    assert len(less) <= 0.6 * len(whole)
    text = " ".join(Parsed(less).text)
    assert "this page goes without the tables under the curves of the tasks" in text
    assert "Headline table" in text
    monkeypatch.setattr("benchmark.report.page.page.FULL", 1)
    assert len(page_of(made)) < len(less), "what cannot be left out is there all the same"
