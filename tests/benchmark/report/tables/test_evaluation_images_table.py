"""What other validation images would change, wherever intervals are told: the same numbers everywhere."""

import io
import re
import warnings

import pandas as pd
import pytest
from image_losses import write_study

from benchmark import load
from benchmark.report import read_studies, terminal_text, write_report
from benchmark.report.planning.pilot import read_pilot
from benchmark.report.results.archives import pack
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.tables.evaluation_images_table import render

NAMES = ("random", "random[draw=2]", "entropy", "core-set")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("images") / "results", NAMES)[0]


def table_of(source):
    (study,) = [read_studies([source])]
    return pd.read_csv(io.BytesIO(render(study)["tables/evaluation_images.csv"])).set_index("strategy")


def test_the_table_has_the_numbers_of_the_statistics(folder):
    table, found = table_of(folder), evidence(read_study(folder).results, "rooms")
    assert sorted(table.index) == ["core-set", "entropy", "random"]
    one = found.image_areas.difference("entropy", "random")
    for part in ("over_seeds", "over_images", "low", "high"):
        assert table.loc["entropy", f"minus_random_{part}"] == getattr(one, part)
    assert table.loc["random", "naubc_over_images"] == found.image_areas.of("random").over_images
    assert pd.isna(table.loc["random", "minus_random_mean"])
    assert (table["images"] == 60).all()


def test_report_page_comparison_and_terminal_tell_them(folder, tmp_path):
    written = write_report(folder, out=tmp_path / "report")
    page = written.page.read_text()
    assert "Other validation images" in page
    assert "tables/evaluation_images.csv" in page
    text = (tmp_path / "report/tables/evaluation_images.md").read_text()
    assert "core-set" in text
    for said in (terminal_text(read_study(folder)), (tmp_path / "report/tables/headline.md").read_text()):
        flat = " ".join(said.split())
        assert "Intervals and tests are over seeds, on these 60 validation images. For others" in flat
    compared = load(folder).compare("entropy", "random")
    one = evidence(read_study(folder).results, "rooms").image_areas.difference("entropy", "random")
    shown = re.search(r"these 60: standard error (\S+), beside (\S+) over seeds", compared.text)
    assert float(shown[1]) == pytest.approx(one.over_images, abs=1e-4)
    assert float(shown[2]) == pytest.approx(one.over_seeds, abs=1e-4)
    assert compared.document["datasets"][0]["evaluation_images"]["over_images"] == one.over_images


def test_the_pilot_knows_what_evaluation_images_do(folder):
    parts = read_pilot(read_study(folder), [folder]).components
    areas = evidence(read_study(folder).results, "rooms").image_areas
    assert parts.evaluation.value == areas.of_trajectory > 0
    assert parts.evaluation_of_draw.value == areas.of_draw > 0
    assert parts.evaluation_of_draw.value < parts.draw.value < parts.evaluation.value


def test_an_archive_repeats_them_and_one_without_scores_says_all_the_rest(folder, tmp_path):
    pack(folder, tmp_path / "whole.zip")
    pack(folder, tmp_path / "small.zip", scores=False)
    pd.testing.assert_frame_equal(table_of(tmp_path / "whole.zip"), table_of(folder))
    small = read_studies([tmp_path / "small.zip"])
    assert render(small) == {}
    assert "validation images. For others" not in terminal_text(small)
    pd.testing.assert_frame_equal(load(tmp_path / "small.zip").headline, load(folder).headline)
    assert load(tmp_path / "small.zip").compare("entropy", "random").document["datasets"][0][
        "evaluation_images"
    ] is None  # fmt: skip


def test_a_damaged_file_is_told_and_its_seed_is_left_out_of_these_numbers_alone(tmp_path):
    folder, _ = write_study(tmp_path / "results", NAMES)
    whole = load(folder).headline
    file = folder / "rooms/entropy/seed-1/round-02.losses.npy.gz"
    file.write_bytes(file.read_bytes()[:-40] + bytes(40))
    with pytest.warns(UserWarning, match=r"round-02\.losses\.npy\.gz is not used: .* sha256"):
        study = load(folder)
    pd.testing.assert_frame_equal(study.headline, whole)
    assert "of the 4 seeds that have kept their losses" in study.compare("entropy", "random").text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = table_of(folder)
    assert table["minus_random_seeds"].dropna().to_dict() == {"entropy": 4, "core-set": 5}
