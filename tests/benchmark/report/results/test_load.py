import json
import math

import pytest

from benchmark.errors import UserError
from benchmark.report.results.load import read_results

ROW = ("rooms", "random", 0, 0, 40, "total", "loss", 1.3)


def test_reads_names_as_text_and_values_as_numbers(synthetic, tmp_path):
    table = [
        ROW,
        ("rooms", "NA", 0, 1, 80, "total", "loss", ""),
        ("rooms", "full-data", 0, 0, 400, "a,b", 'c"', 2),
    ]
    results = read_results(synthetic.write(tmp_path, table))
    assert results.strategies == ["NA", "random"]
    assert list(results.table["task"]) == ["total", "a,b", "total"]
    assert math.isnan(results.table["value"].iloc[0])
    assert results.table["value"].iloc[2] == 1.3
    assert list(results.table["share"]) == [0.2, 1.0, 0.1]
    assert (results.pool, results.val) == ({"rooms": 400}, 150)


def test_columns_may_come_in_any_order_and_with_others(synthetic, tmp_path):
    header = ["note", *reversed(synthetic.header)]
    results = read_results(synthetic.write(tmp_path, [("x", *reversed(ROW))], header=header))
    assert results.table["value"].iloc[0] == 1.3


def test_each_data_set_has_the_pool_of_its_own_full_data(synthetic, tmp_path):
    table = [
        ROW,
        ("nyud", "random", 0, 0, 40, "total", "loss", 1),
        ("nyud", "full-data", 0, 0, 795, "total", "loss", 1),
    ]
    results = read_results(synthetic.write(tmp_path, table))
    assert results.pool == {"nyud": 795, "rooms": 400}
    assert results.val is None


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_folder_without_results_says_what_a_run_writes(tmp_path, folder):
    with pytest.raises(UserError, match=r"no results\.csv.*mtal run.*dataset,strategy,seed") as error:
        read_results(tmp_path / folder)
    assert str(tmp_path / folder) in str(error.value)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([], "no rows yet"),
        ([(*ROW[:-1], "good")], r"row 2: value must be a finite number.*'good'"),
        ([(*ROW[:-1], "inf")], "'inf'"),
        ([(*ROW[:-1], "nan")], "'nan'"),
        ([ROW, ("rooms", "random", -1, *ROW[3:])], r"row 3: seed.*whole numbers.*'-1'"),
        ([("rooms", "random", 0, 0, "4.5", *ROW[5:])], "'4.5'"),
        ([("rooms", " ", *ROW[2:])], "names.*must not be empty"),
        ([("rooms", "x" * 1001, *ROW[2:])], "'x{60}' and so on is too long for a name"),
        ([("x" * 256, *ROW[1:])], "'x{60}' and so on is too long for a name"),
        ([("策" * 99, *ROW[1:])], "too long for a name: folders and files have it"),
        ([ROW[:-1]], "row 2 has 7 cells where its header has 8"),
        ([(*ROW, 1)], "row 2 has 9 cells"),
        ([ROW, ROW], "more than one row for dataset rooms, strategy random, seed 0, labelled 40"),
        ([("rooms", "random", 0, 0, 401, *ROW[5:])], "401 labelled images in 'rooms', whose pool has 400"),
        (
            [("rooms", "random", 0, 0, 40, "depth", "loss", 1)],
            "no row with task total and metric loss for 'rooms'",
        ),
    ],
)
def test_wrong_rows_are_named(synthetic, tmp_path, table, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        read_results(synthetic.write(tmp_path, table))
    assert str(tmp_path / "results.csv") in str(error.value)


def test_full_data_of_two_sizes_is_refused(synthetic, tmp_path):
    table = [ROW, *(("rooms", "full-data", seed, 0, 400 - seed, "total", "loss", 1) for seed in range(2))]
    with pytest.raises(UserError, match="equal to it for full-data"):
        read_results(synthetic.write(tmp_path, table))


def test_a_missing_column_is_named(synthetic, tmp_path):
    synthetic.write(tmp_path, [ROW[1:]], header=synthetic.header[1:])
    with pytest.raises(UserError, match=r"results\.csv lacks the column 'dataset'"):
        read_results(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'dataset,strategy,"torn'])
def test_an_unreadable_table_is_named(synthetic, tmp_path, content):
    synthetic.write(tmp_path, [ROW])
    (tmp_path / "results.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"results\.csv cannot be read as a UTF-8 comma-separated table"):
        read_results(tmp_path)


def test_a_folder_in_the_place_of_the_table_is_named(synthetic, tmp_path):
    (tmp_path / "results.csv").mkdir()
    with pytest.raises(UserError, match=r"results\.csv cannot be read"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is missing: `mtal run` writes it"),
        ("{", "cannot be read as UTF-8 JSON"),
        ("[" * 100_000, "cannot be read as UTF-8 JSON"),
        ("[]", "whole numbers of images"),
        (json.dumps({"data": {"val": 3}}), "whole numbers of images"),
        (json.dumps({"data": {"pool": "400"}}), "whole numbers of images"),
        (json.dumps({"data": {"pool": 400, "val": 0}}), "whole numbers of images"),
    ],
)
def test_a_wrong_environment_is_named(synthetic, tmp_path, content, sentence):
    synthetic.write(tmp_path, [ROW])
    path = tmp_path / "environment.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(UserError, match=sentence) as error:
        read_results(tmp_path)
    assert str(path) in str(error.value)
