"""Hostile folders of results: rounds, tables, settings, signs of life, pictures; reports on them."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import yaml
from hostile_results import (
    ENVIRONMENT,
    EXPERIMENT,
    FEW,
    MANY,
    ROUND,
    SIGN,
    first_round,
    is_sound,
    kept,
    reported,
    rounds,
)
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.records.heartbeat import STATUS, Sign, read_sign
from benchmark.records.round_store import NOISE_FLOOR, Store
from benchmark.records.status import status_table
from benchmark.report.compare import compare
from benchmark.report.results.load import read_results

pytestmark = pytest.mark.filterwarnings("ignore")


def test_sound_results_are_reported(folder):
    text, files = reported(folder)
    assert "random" in text
    assert "index.html" in files
    assert "4 of 4 rounds" not in status_table(folder)
    assert len(list(Store(folder).rounds())) == 10


@MANY
@given(st.data())
def test_fields_of_other_types_in_rounds(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(asdict(ROUND)))))))
    for done in judged(lambda: [*Store(folder).rounds()], file) or ():
        is_sound(done)
    table = judged(Store(folder).write_results, file)
    assert table is None or judged(lambda: read_results(folder), folder)


@MANY
@given(st.data())
def test_damaged_rounds(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_bytes(data.draw(fuzz.bytes(json.dumps(asdict(ROUND)).encode())))
    for done in judged(lambda: [*Store(folder).rounds()], file) or ():
        is_sound(done)


def test_a_round_of_another_place_is_not_taken_for_one_of_its_own(folder):
    other = folder / "rooms/random/seed-7/round-00.json"
    other.parent.mkdir()
    other.write_bytes(first_round(folder).read_bytes())
    with pytest.warns(UserWarning, match="another place"):
        assert len(list(Store(folder).rounds())) == 10
    with pytest.warns(UserWarning, match="another place"):
        assert Store(folder).read("rooms", "random", 7, 0) is None


@FEW
@given(st.data())
def test_reports_on_rounds_of_any_content(judged, fuzz, folder, data):
    """The rounds that a report looks into, beside a table that is sound."""
    first = {done.strategy: asdict(done) for done in rounds() if (done.seed, done.round) == (0, 0)}
    for name in ("random", "entropy", NOISE_FLOOR):
        file = folder / f"rooms/{name}/seed-0/round-00.json"
        file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(first[name]))))))
    judged(lambda: reported(folder), folder)


@FEW
@given(st.data())
def test_reports_on_environments_of_any_content(judged, fuzz, folder, data):
    (folder / "environment.json").write_text(json.dumps(data.draw(fuzz.values(ENVIRONMENT))))
    judged(lambda: reported(folder), folder)
    judged(lambda: status_table(folder), folder)


@FEW
@given(st.data())
def test_reports_on_experiments_of_any_content(judged, fuzz, folder, data):
    (folder / "experiment.yaml").write_text(
        yaml.dump(data.draw(fuzz.values(EXPERIMENT))), errors="surrogatepass"
    )
    judged(lambda: reported(folder), folder)


@FEW
@given(st.data())
def test_reports_on_damaged_files(judged, fuzz, folder, data):
    file = folder / data.draw(st.sampled_from(["results.csv", "environment.json", "experiment.yaml"]))
    with kept(file) as sound:
        file.write_bytes(data.draw(fuzz.bytes(sound, head=2000)))
        judged(lambda: reported(folder), folder)


CELLS = [
    "",
    " ",
    "-1",
    "1.5",
    "1e400",
    "nan",
    "inf",
    "9" * 18,
    "9" * 30,
    "9" * 5000,
    "0x1",
    "\uff11",
    "NA",
    "-0",
    "1e308",
]
CELLS += [
    "../../x",
    "<script>",
    "a\nb",
    "a\0b",
    '"',
    "\x1b[31m",
    "\u202e",
    "ä 😀",
    "x" * 3000,
    "full-data",
    "round-0",
]


@FEW
@given(st.data())
def test_reports_on_tables_with_any_cells(judged, folder, data):
    Store(folder).write_results()  # another case may have changed it
    lines = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(lines))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.sampled_from(CELLS))
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    (folder / "results.csv").write_text(text, newline="")
    judged(lambda: reported(folder), folder)
    judged(lambda: compare(read_results(folder), "entropy", "random"), folder, "compare", "strategy")


NAMES = [
    "../../escaped",
    "/etc/escaped",
    "<script>alert(1)</script>",
    "a\nb",
    "\x1b]0;owned\x07",
    "..",
    "ä b",
    "%2e%2e",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_text_and_in_their_folder(judged, tmp_path, name):
    root = tmp_path / "deep" / "results"
    for done in rounds():
        Store(root).write(replace(done, dataset=name))
        Store(root).write(replace(done, dataset=name, strategy=name))
    Store(root).write_results()
    (root / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"strategies": [name], "name": name}))
    (root / "environment.json").write_text(
        json.dumps(ENVIRONMENT | {"device": name, "strategies": {name: {}}})
    )
    text, files = judged(lambda: reported(root), root)
    assert not {"\x1b", "\x07"} & set(text)
    assert all(".." not in path.split("/") and not path.startswith("/") for path in files)
    assert b"<script>alert" not in files["index.html"]
    assert b"\x1b" not in files["index.html"]
    assert not {"\x1b", "\x07"} & set(judged(lambda: status_table(root), root))
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"results"}


def test_results_name_strategy_files_and_nobody_executes_them(judged, folder, tmp_path):
    canary = folder / "canary"
    code = folder / "mine.py"
    code.write_text(f"import os\nos.mkdir({str(canary)!r})\n")
    names = [f"{code}:x", f"power[base={code}:x]", f"power[base={code}:x,power=2]", "entropy"]
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"strategies": names}))
    (folder / "environment.json").write_text(
        json.dumps(ENVIRONMENT | {"strategies": {name: {} for name in names}})
    )
    assert "x, seed 0" in judged(lambda: status_table(folder), folder)
    assert judged(lambda: reported(folder), folder)
    assert not canary.exists()


@MANY
@given(st.data())
def test_signs_of_life_of_any_content(judged, fuzz, folder, data):
    home = folder / "rooms/random/seed-0"
    (home / STATUS).write_text(json.dumps(data.draw(fuzz.values(SIGN))))
    sign = judged(lambda: read_sign(home), "")
    assert sign is None or isinstance(sign, Sign)
    assert judged(lambda: status_table(folder), folder)


ERRORS = [b"", b"\xff\xfe", b"\n" * 1000, b"\x1b]0;owned\x07", b"x" * 2**20, "\u202e😀".encode()]


@pytest.mark.parametrize("content", ERRORS)
def test_errors_that_were_kept_are_shown_as_text(judged, folder, content):
    (folder / "rooms/random/seed-0/error.txt").write_bytes(content)
    (folder / "rooms/random/seed-0/round-01.json").unlink()
    text = judged(lambda: status_table(folder), folder)
    assert text.isprintable() or set(filter(lambda sign: not sign.isprintable(), text)) == {"\n"}


def test_numbers_of_any_size_have_a_report(judged, folder):
    """Sums and squares of what a table may hold overflow; a report says so or shows it."""
    table = (folder / "results.csv").read_text()
    for number in ("1e308", "-1e308", "1e-320", "0.0"):
        (folder / "results.csv").write_text(table.replace("2.0", number).replace("1.1", number))
        with np.errstate(all="ignore"):
            judged(lambda: reported(folder), folder)
