"""Every field of an experiment is told of as it is checked."""

import subprocess
import sys

import pytest
import yaml

import baselines  # noqa: F401
from benchmark.authoring.experiment_fields import DOCS, described_fields, markdown
from benchmark.experiment.config import validated

NEEDED = {"budgets": [4, 7], "strategies": ["random"], "seeds": [0]}


def test_every_field_says_what_it_does_and_what_it_takes():
    for field in described_fields():
        assert field.meaning, field.path
        assert field.values, field.path
        assert "Annotated" not in field.values


def test_the_defaults_that_are_told_are_those_of_an_experiment():
    fields = validated(NEEDED, "test").model_dump(mode="json")
    for field in described_fields():
        value = fields
        for part in field.path.split("."):
            value = value[part]
        if field.path in NEEDED:
            assert field.default == "must be given"
        else:
            assert yaml.safe_load(field.default) == value, field.path


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("recipe.learning_rate", "number over 0"),
        ("recipe.optimiser", "adamw or adam or sgd"),
        ("recipe.augmentation.crop", "list of 2: whole number from 1 or null"),
        ("network.pretrained", "true or false or path"),
        ("seeds", "list of whole number from 0"),
        ("task_weights", "mapping to number over 0"),
        ("threads", "whole number from 1 or null"),
    ],
)
def test_values_are_told_in_words(path, values):
    (field,) = [field for field in described_fields() if field.path == path]
    assert field.values == values


def test_the_documentation_is_up_to_date():
    assert DOCS.read_text(encoding="utf-8") == markdown(), "make docs"


def test_listing_them_needs_no_torch():
    program = "import sys, benchmark.authoring.listings as l; l.fields(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
