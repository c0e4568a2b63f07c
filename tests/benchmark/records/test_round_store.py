"""The store: atomic, resumable, and never silent about what it cannot use."""

import json
from dataclasses import replace

import pytest

from benchmark.errors import BusyError, UserError
from benchmark.records.round_store import (
    Round,
    Store,
    digest_of,
    nulls,
    read_blob,
    to_json,
    write_atomically,
    write_blob,
)

ROUND = Round(
    dataset="rooms",
    strategy="consistency-diversity[weighting=none,measure=loss]",
    seed=3,
    round=1,
    key="k",
    labelled=("b", "a"),
    metrics={"depth": {"loss": 0.1 + 0.2, "rmse": None}},
    weights_digest="w",
    selected=("c",),
    scores=[[0.1, 1e-300], [2.0, 3.0]],
    probabilities=[1e-3],
    seconds={"train": 1.5},
)


def test_a_round_reads_back_equal_to_the_last_bit(tmp_path):
    store = Store(tmp_path)
    store.write(ROUND)
    assert store.read("rooms", ROUND.strategy, 3, 1) == ROUND
    assert store.read("rooms", ROUND.strategy, 3, 2) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"format": 1}', b"\xff\xfe", b'{"format": "1"}']
)
def test_torn_or_foreign_files_are_ignored_with_a_warning(tmp_path, content):
    store = Store(tmp_path)
    store.write(ROUND)
    file = next(tmp_path.glob("rooms/*/seed-3/round-01.json"))
    file.write_bytes(content)
    with pytest.warns(UserWarning, match=r"round-01\.json"):
        assert store.read("rooms", ROUND.strategy, 3, 1) is None


def test_an_altered_round_is_ignored_with_a_warning(tmp_path):
    store = Store(tmp_path)
    store.write(replace(ROUND, strategy_state={"10": 1, "9": [0.5]}))
    assert store.read("rooms", ROUND.strategy, 3, 1).strategy_state == {"10": 1, "9": [0.5]}
    file = next(tmp_path.glob("rooms/*/seed-3/round-01.json"))
    content = json.loads(file.read_bytes())
    file.write_bytes(to_json({**content, "metrics": {"depth": {"loss": 0.2, "rmse": None}}}))
    with pytest.warns(UserWarning, match=r"round-01\.json .*does not match its sha256"):
        assert store.read("rooms", ROUND.strategy, 3, 1) is None
    del content["sha256"]  # as an earlier version wrote it
    file.write_bytes(to_json(content))
    assert store.read("rooms", ROUND.strategy, 3, 1).metrics == ROUND.metrics


@pytest.mark.parametrize("values", [[], [0.5, 0.5], [0.0], [1.5], ["1"], [None], 0.5, [[0.5]]])
def test_probabilities_that_are_not_those_of_the_selected_are_no_round(tmp_path, values):
    store = Store(tmp_path)
    store.write(replace(ROUND, probabilities=values))
    with pytest.warns(UserWarning, match=r"is not a stored round \(its probabilities"):
        assert store.read("rooms", ROUND.strategy, 3, 1) is None


def test_a_round_of_before_there_were_probabilities_is_read(tmp_path):
    store = Store(tmp_path)
    store.write(ROUND)
    file = next(tmp_path.glob("rooms/*/seed-3/round-01.json"))
    content = json.loads(file.read_bytes())
    file.write_bytes(
        to_json({name: content[name] for name in content if name not in ("probabilities", "sha256")})
    )
    assert store.read("rooms", ROUND.strategy, 3, 1) == replace(ROUND, probabilities=None)


def test_a_newer_format_is_refused_with_a_sentence(tmp_path):
    store = Store(tmp_path)
    store.write(replace(ROUND, format=99))
    with pytest.raises(UserError, match="format 99"):
        store.read("rooms", ROUND.strategy, 3, 1)


@pytest.mark.parametrize("name", ["../escape", "a/b", ".", "..", ".hidden", "a b", "ä[x=../y]", "%2e%2e"])
def test_no_name_leaves_the_folder(tmp_path, name):
    store = Store(tmp_path / "results")
    folder = store.trajectory(name, name, 0)
    assert folder.resolve().is_relative_to((tmp_path / "results").resolve())
    assert len(folder.relative_to(tmp_path / "results").parts) == 3
    store.write(replace(ROUND, dataset=name, strategy=name, seed=0))
    assert store.read(name, name, 0, 1).strategy == name


def test_names_that_differ_have_folders_that_differ(tmp_path):
    store = Store(tmp_path)
    names = ["a/b", "a%2Fb", "a b", "a+b", "A", "a", ".a", "%2Ea"]
    assert len({store.trajectory("d", name, 0) for name in names}) == len(names)


def test_results_csv_is_long_exact_and_in_order(tmp_path):
    store = Store(tmp_path)
    for number in (1, 0):
        store.write(replace(ROUND, round=number))
    store.write(replace(ROUND, strategy="round-0", round=0))
    lines = store.write_results().read_text().splitlines()
    assert lines[0] == "dataset,strategy,seed,round,labelled,task,metric,value"
    assert len(lines) == 5, "the shared round 0 is not a strategy"
    assert (
        lines[1]
        == 'rooms,"consistency-diversity[weighting=none,measure=loss]",3,0,2,depth,loss,0.30000000000000004'
    )
    assert lines[2].endswith(",depth,rmse,")


def test_a_failed_write_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.records.round_store.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/file'"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_flipped_bit_in_a_blob_is_noticed(tmp_path):
    path = tmp_path / "weights.pt"
    write_blob(path, b"weights")
    assert read_blob(path) == b"weights"
    path.write_bytes(b"weighty")
    with pytest.warns(UserWarning, match="sha256"):
        assert read_blob(path) is None
    assert read_blob(tmp_path / "missing.pt") is None


def test_two_holders_of_one_trajectory(tmp_path):
    one, two = Store(tmp_path), Store(tmp_path)
    with one.locked("rooms", "random", 0):
        with pytest.raises(BusyError, match="random, seed 0") as caught, two.locked("rooms", "random", 0):
            pass
        with two.locked("rooms", "random", 1):
            pass
    assert caught.value.exit_code == 75
    with two.locked("rooms", "random", 0):
        pass


def test_json_never_holds_nan():
    assert nulls({"t": {"a": float("nan"), "b": float("inf"), "c": 1.0}}) == {
        "t": {"a": None, "b": None, "c": 1.0}
    }
    with pytest.raises(ValueError):
        to_json({"a": float("nan")})
    assert digest_of({"a": 1, "b": 2}) == digest_of(json.loads('{"b": 2, "a": 1}'))


PARTS = replace(
    ROUND,
    strategy="random-pairs",
    labels=(("depth",), ("depth", "semseg")),
    selected_labels=(("semseg",),),
    budget=4,
    spent={"depth": 0.5, "semseg": 3.0},
)


def test_a_round_of_labels_reads_back_equal_and_earlier_versions_refuse_it(tmp_path):
    store = Store(tmp_path)
    store.write(PARTS)
    read = store.read("rooms", "random-pairs", 3, 1)
    assert replace(read, format=1) == PARTS
    assert read.format == 3
    assert read.size == 4
    assert b",1,4,depth,loss," in store.write_results().read_bytes()


def test_a_round_of_whole_images_has_no_word_of_labels_and_prices(tmp_path):
    store = Store(tmp_path)
    store.write(ROUND)
    content = json.loads(next(tmp_path.glob("rooms/*/seed-3/round-01.json")).read_bytes())
    assert not {"labels", "selected_labels", "budget", "spent"} & set(content)
    assert content["format"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", [["depth"]]),
        ("labels", [["depth"], []]),
        ("labels", [["depth"], ["depth", "depth"]]),
        ("selected_labels", [["depth"], ["depth"]]),
        ("selected_labels", "depth"),
        ("budget", -1),
        ("spent", 3),
        ("spent", {"depth": "3"}),
    ],
)
def test_labels_that_no_run_writes_are_ignored_with_a_warning(tmp_path, field, value):
    store = Store(tmp_path)
    store.write(PARTS)
    file = next(tmp_path.glob("rooms/*/seed-3/round-01.json"))
    content = {n: v for n, v in json.loads(file.read_bytes()).items() if n != "sha256"} | {field: value}
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=field):
        assert store.read("rooms", "random-pairs", 3, 1) is None
