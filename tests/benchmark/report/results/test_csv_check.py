"""A table that is not what the sealed rounds say is noticed, and the rounds are what is reported."""

import json
import subprocess
import sys
import warnings

import pytest

from benchmark.errors import UserError
from benchmark.records.round_store import Store
from benchmark.report.results.load import read_results
from benchmark.report.results.study import read_study


@pytest.fixture
def folder(synthetic, total_only, tmp_path):
    """Results of two strategies as a run leaves them."""
    table = synthetic.rows(("random", "entropy"), 2, metrics=total_only)
    folder = synthetic.add_rounds(synthetic.write(tmp_path / "run", table), table)
    Store(folder).write_results()
    return folder


@pytest.fixture
def sound(folder):
    """The numbers of the rounds, read without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_results(folder).table


def changed(folder, change):
    file = folder / "results.csv"
    file.write_text(change(file.read_text()))


def of_entropy(lines):
    return [line for line in lines if ",entropy,0,3," in line]


CASES = {
    "an edited value": (
        lambda text: text.replace(of_entropy(text.splitlines())[0], "rooms,entropy,0,3,160,total,loss,0.5"),
        r"1 row with another value, the first for entropy, seed 0 on rooms with 160 labels, loss of total: "
        r"0\.5 there, \d\.\d+ in its round",
    ),
    "a value taken out": (
        lambda text: text.replace(of_entropy(text.splitlines())[0], "rooms,entropy,0,3,160,total,loss,"),
        r"none there, \d",
    ),
    "cut at a row": (lambda text: "".join(text.splitlines(keepends=True)[:-4]), "4 rows missing, the first"),
    "cut within a row": (lambda text: text[:-25], "cannot be read"),
    "a strategy made up": (
        lambda text: text + "rooms,best,0,0,40,total,loss,0.1\n",
        "1 row of no stored round, the first for best, seed 0",
    ),
    "not a table": (lambda text: "nonsense", "cannot be read"),
}


@pytest.mark.parametrize(("change", "words"), CASES.values(), ids=CASES)
def test_what_the_rounds_do_not_say_is_said_and_the_rounds_are_reported(folder, sound, change, words):
    changed(folder, change)
    with pytest.warns(UserWarning, match=words) as caught:
        assert read_results(folder).table.equals(sound)
    assert str(folder / "results.csv") in str(caught[0].message)
    assert "What is reported are the rounds" in str(caught[0].message)


def test_a_table_that_is_gone_or_only_written_in_another_way_says_the_same(folder, sound):
    lines = (folder / "results.csv").read_text().splitlines()
    (folder / "results.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_results(folder).table.equals(sound)
        (folder / "results.csv").unlink()
        assert read_results(folder).table.equals(sound)


def test_an_edited_round_is_no_round_and_its_rows_are_named(folder):
    file = Store(folder).trajectory("rooms", "entropy", 0) / "round-03.json"
    content = json.loads(file.read_text())
    content["metrics"]["total"]["loss"] = 0.1
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="stored round") as caught:
        table = read_study(folder).results.table
    said = [str(one.message) for one in caught]
    assert any("does not match its sha256" in one for one in said)
    assert any(
        "1 row of no stored round, the first for entropy, seed 0 on rooms with 160" in one for one in said
    )
    assert not ((table["strategy"] == "entropy") & (table["seed"] == 0) & (table["labelled"] == 160)).any()


def test_without_a_round_the_table_is_all_there_is(synthetic, total_only, tmp_path):
    table = synthetic.rows(("random",), 1, metrics=total_only)
    assert len(read_results(synthetic.write(tmp_path / "a", table)).table) == len(table)
    with pytest.raises(UserError, match=r"holds no results\.csv"):
        read_results(tmp_path)


def test_the_command_says_it_in_a_line_of_its_own(folder):
    changed(folder, lambda text: "".join(text.splitlines(keepends=True)[:-1]))
    command = [sys.executable, "-m", "benchmark", "compare", "entropy", "random", str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"Warning: {folder}/results.csv is not what the stored rounds say: 1 row missing")
