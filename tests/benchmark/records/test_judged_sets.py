"""What an oracle found outlives a stopped run, and nothing is taken for it that a run did not write."""

import json

import pytest

from benchmark.records.judged_sets import FILE, JudgedSets, question_of, remove_judged


def test_what_was_found_is_there_for_the_next_process_and_for_this_round_alone(tmp_path):
    first = JudgedSets(tmp_path, "key")
    assert first.find("a") is None
    first.keep("a", (0.1 + 0.2, 3.5))
    first.keep("b", (1 / 3, 0.0))
    again = JudgedSets(tmp_path, "key")
    assert (again.find("a"), again.find("b")) == ((0.1 + 0.2, 3.5), (1 / 3, 0.0))
    again.keep("c", (2.0, 1.0))
    assert JudgedSets(tmp_path, "key").find("a") == (0.1 + 0.2, 3.5)
    assert JudgedSets(tmp_path, "another round").find("a") is None
    remove_judged(tmp_path)
    assert JudgedSets(tmp_path, "key").find("a") is None
    remove_judged(tmp_path)


@pytest.mark.parametrize("how", ["torn", "altered", "nan", "text", "list"])
def test_what_no_run_wrote_is_ignored_with_a_word(tmp_path, how):
    JudgedSets(tmp_path, "key").keep("a", (1.0, 2.0))
    file = tmp_path / FILE
    content = json.loads(file.read_text())
    file.write_text(
        {
            "torn": file.read_text()[:30],
            "altered": json.dumps(content | {"found": {"a": [0.5, 2.0]}}),
            "nan": file.read_text().replace("1.0", "NaN"),
            "text": json.dumps(content | {"found": "a"}),
            "list": "[1, 2]",
        }[how]
    )
    with pytest.warns(UserWarning, match="is not what a run writes"):
        assert JudgedSets(tmp_path, "key").find("a") is None


def test_a_full_disk_stops_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.records.judged_sets.write_atomically", full)
    judged = JudgedSets(tmp_path, "key")
    with pytest.warns(UserWarning, match="No space left"):
        judged.keep("a", (1.0, 2.0))
    assert judged.find("a") == (1.0, 2.0)


def test_a_question_is_its_images_in_any_order_and_the_length():
    assert question_of(["b", "a"], 1) == question_of(["a", "b"], 1.0)
    assert len({question_of(ids, length) for ids in (["a", "b"], ["ab"], ["a"]) for length in (0.5, 1)}) == 6
