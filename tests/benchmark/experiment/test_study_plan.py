"""A plan as a file: what it holds, and the sentences that refuse what is none."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.experiment.study_plan import parse_size, read_plan, validated_plan, written_plan

FIELDS = {
    "dataset": "rooms",
    "budgets": [0.1, 80],
    "family": ["entropy", "core-set"],
    "primary": "entropy",
    "difference": "5 % of the gap",
    "margin": 0.02,
    "seeds": list(range(10)),
    "looks": [5, 10],
}


def refused(**changes):
    with pytest.raises(UserError) as caught:
        validated_plan(FIELDS | changes, "plan.yaml")
    return str(caught.value)


def test_a_plan_written_and_read_is_the_same(tmp_path):
    plan = validated_plan(FIELDS, "test")
    (tmp_path / "plan.yaml").write_bytes(written_plan(plan))
    assert read_plan(tmp_path / "plan.yaml") == plan
    assert written_plan(read_plan(tmp_path / "plan.yaml")) == written_plan(plan)
    assert plan.difference_size.in_loss(0.4) == pytest.approx(0.02)
    assert plan.margin_size.in_loss(0.4) == 0.02


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"looks": [5, 5]}, "looks: must rise from 4 seeds or more"),
        ({"looks": [3, 10]}, "looks: must rise from 4 seeds or more"),
        ({"looks": [5]}, "looks: the last must be at all 10 seeds, not 5"),
        ({"primary": "badge"}, "primary: badge must be in the family"),
        ({"against": "entropy"}, "family: entropy is what the others are compared with"),
        ({"seeds": [0, 0, 1, 2]}, "seeds: each must be there once"),
        ({"seeds": [0, 1, 2], "looks": [4]}, "seeds"),
        ({"difference": "5 % of everything"}, "difference"),
        ({"difference": True}, "difference: must not be true"),
        ({"margin": 0}, "must be a share such as '5 % of the gap'"),
        ({"margin": float("nan")}, "margin"),
        ({"level": 1.5}, "level"),
        ({"correction": "none"}, "correction"),
        ({"famly": []}, "there is no field famly; did you mean family?"),
        ({"computed_from": {"pilots": []}}, "computed_from"),
        ({"family": "entropy"}, "family"),
        ({"seeds": {"a": 1}}, "seeds"),
    ],
)
def test_mistakes_are_sentences(changes, said):
    sentence = refused(**changes)
    assert sentence.startswith("plan.yaml: ")
    assert said in sentence
    assert all(line.endswith(".") for line in sentence.splitlines())


def test_no_yaml_and_no_plan(tmp_path):
    file = tmp_path / "plan.yaml"
    for content in ("- 1", "a: [", "", "x: &a [*a]"):
        file.write_text(content)
        with pytest.raises(UserError):
            read_plan(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path)


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.none(), st.booleans()))
def test_a_size_is_one_or_is_refused(value):
    try:
        size = parse_size(value)
    except ValueError:
        return
    assert 0 < size.in_loss(1.0) < 1e6
    assert parse_size(yaml.safe_load(yaml.safe_dump(size.words))).in_loss(1.0) == pytest.approx(
        size.in_loss(1.0), rel=1e-5
    )


@pytest.mark.parametrize("text", ["5 % of the gap", "5% of gap", " 5.0 %  of the gap "])
def test_shares_in_words(text):
    assert parse_size(text) == (0.05, None)
