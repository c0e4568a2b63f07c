"""Scores of many images are numbers in a file of their own: the same bits, sealed, never half of a round."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records.round_store import WITH_SCORE_FILE, Round, Store, digest_of, to_json
from benchmark.records.score_file import MOST_AS_TEXT, as_file, beside
from benchmark.report.results.archives import pack, unpacked

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MANY = np.random.default_rng(0).standard_normal((MOST_AS_TEXT // 2 + 1, 2)).tolist()
ROUND = Round("rooms", "entropy", 0, 1, "k", ("a",), {"total": {"loss": 1.0}}, "w", scores=MANY)


@pytest.fixture
def file(tmp_path):
    Store(tmp_path).write(ROUND)
    return Store(tmp_path).trajectory("rooms", "entropy", 0) / "round-01.json"


def read(tmp_path):
    return Store(tmp_path).read("rooms", "entropy", 0, 1)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=20))
def test_the_same_scores_are_read_as_from_text(tmp_path_factory, some):
    scores = [list(row) for row in some]
    folder = tmp_path_factory.mktemp("results")
    Store(folder).write(replace(ROUND, scores=scores))
    Store(folder).write(replace(ROUND, round=2, scores=scores * (MOST_AS_TEXT // len(scores) + 1)))
    few, many = (Store(folder).read("rooms", "entropy", 0, number).scores for number in (1, 2))
    assert repr(few) == repr(scores)
    assert repr(many) == repr(scores * (MOST_AS_TEXT // len(scores) + 1))


def test_few_are_text_in_the_round_and_many_a_file_beside_it(tmp_path, file):
    content = json.loads(file.read_bytes())
    assert content["format"] == WITH_SCORE_FILE
    assert content["scores"]["images"] == len(MANY)
    np.testing.assert_array_equal(np.load(file.with_name("round-01.scores.npy"), allow_pickle=False), MANY)
    assert read(tmp_path) == replace(ROUND, format=WITH_SCORE_FILE)
    Store(tmp_path).write(replace(ROUND, round=2, scores=MANY[: MOST_AS_TEXT // 2]))
    few = json.loads(file.with_name("round-02.json").read_bytes())
    assert (few["format"], few["scores"]) == (1, MANY[: MOST_AS_TEXT // 2])
    assert not file.with_name("round-02.scores.npy").exists()


def test_a_round_of_an_earlier_version_has_all_of_them_as_text(tmp_path, file):
    content = {**json.loads(file.read_bytes()), "format": 1, "scores": MANY}
    del content["sha256"]
    beside(file).unlink()
    file.write_bytes(to_json(content | {"sha256": digest_of(content)}))
    assert read(tmp_path) == ROUND


@pytest.mark.parametrize("how", ["missing", "torn", "altered", "folder"])
def test_a_round_without_its_scores_is_ignored_with_a_word(tmp_path, file, how):
    numbers = beside(file)
    content = bytearray(numbers.read_bytes())
    content[-1] ^= 1
    {
        "missing": numbers.unlink,
        "torn": lambda: numbers.write_bytes(content[:100]),
        "altered": lambda: numbers.write_bytes(content),
        "folder": lambda: (numbers.unlink(), numbers.mkdir()),
    }[how]()
    with pytest.warns(UserWarning, match=r"round-01\.json is not a stored round .*round-01\.scores\.npy"):
        assert read(tmp_path) is None
    (without,) = Store(tmp_path).rounds(scores=False)
    assert without == replace(ROUND, scores=None, format=WITH_SCORE_FILE), "which no report needs"


@pytest.mark.parametrize(
    "change",
    [
        lambda said, content: (said | {"images": 3}, content),
        lambda said, content: (said | {"images": 2**40, "tasks": 2**20}, content),
        lambda said, content: (said, content.replace(b"'<f8'", b"'|O'  ".replace(b"  ", b" "))),
        lambda said, content: (said, content.replace(b"(5001, 2)", b"(9999, 9)")),
        lambda said, content: (said, b"PK\x03\x04" + content),
        lambda said, content: (said, b""),
        lambda said, content: (said, as_file([[np.nan, 0.0]] * len(MANY))[0]),
    ],
)
def test_what_no_run_wrote_is_refused_though_its_digests_fit(tmp_path, file, change):
    import hashlib

    content = json.loads(file.read_bytes())
    said, numbers = change(content["scores"], beside(file).read_bytes())
    beside(file).write_bytes(numbers)
    content |= {"scores": said | {"sha256": hashlib.sha256(numbers).hexdigest()}}
    del content["sha256"]
    file.write_bytes(to_json(content | {"sha256": digest_of(content)}))
    with pytest.warns(UserWarning, match="is not a stored round"):
        assert read(tmp_path) is None


def test_the_numbers_are_there_before_the_round_that_says_so(tmp_path, monkeypatch):
    from benchmark.records import round_store

    written, plain = [], round_store.write_atomically
    monkeypatch.setattr(
        round_store,
        "write_atomically",
        lambda path, content: written.append(path.name) or plain(path, content),
    )
    Store(tmp_path).write(ROUND)
    assert written == ["round-01.scores.npy", "round-01.json"]


def test_they_are_laid_aside_together(tmp_path, file):
    Store(tmp_path).lay_aside("rooms", "entropy", 0, 1)
    assert sorted(path.name for path in (file.parent / "earlier").iterdir()) == [
        "round-01.json",
        "round-01.scores.npy",
    ]


def test_an_archive_holds_them_unless_it_is_to_hold_no_scores(tmp_path, synthetic_head):
    folder = synthetic_head(tmp_path / "results")
    Store(folder).write(ROUND)
    Store(folder).write_results()
    assert (
        pack(folder, tmp_path / "whole.zip").rounds == pack(folder, tmp_path / "small.zip", False).rounds == 1
    )
    with unpacked(tmp_path / "whole.zip") as whole:
        assert next(Store(whole).rounds()).scores == MANY
    with unpacked(tmp_path / "small.zip") as small:
        assert next(Store(small).rounds()) == replace(ROUND, scores=None, format=WITH_SCORE_FILE)
        assert not list(small.rglob("*.npy"))


@pytest.fixture
def synthetic_head():
    """What every folder of results holds beside its rounds."""

    def made(folder):
        folder.mkdir()
        (folder / "experiment.yaml").write_text("dataset: rooms\n")
        (folder / "environment.json").write_text(json.dumps({"data": {"pool": 9, "val": 2, "digest": "0"}}))
        (folder / "results.csv").write_text("")
        return folder

    return made
