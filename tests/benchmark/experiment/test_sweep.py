"""Variants of a sweep: every combination once, each with a folder's name that no value can break."""

import pytest

from benchmark.errors import UserError
from benchmark.experiment.sweep import Variant, grid, parse_vary
from benchmark.records.sweep_folder import read_sweep, write_sweep


def test_a_grid_has_every_combination_the_last_field_fastest():
    labels = [variant.label for variant in grid({"a.b": [1, 2], "c": ["x", "y"]})]
    assert labels == ["a.b=1, c=x", "a.b=1, c=y", "a.b=2, c=x", "a.b=2, c=y"]


def test_values_are_yaml_and_commas_in_brackets_are_their_own():
    vary = parse_vary(["budgets=[4,8],[4,8,12]", "recipe.learning_rate=0.001,true,null,text"])
    assert vary == {"budgets": [[4, 8], [4, 8, 12]], "recipe.learning_rate": [1e-3, True, None, "text"]}


@pytest.mark.parametrize("value", ["../up", "a/b", "..", "a\0b", "é" * 300, "a b", [1, [2]], {"k": 1}])
def test_no_value_leaves_the_folder_or_breaks_its_name(value):
    name = Variant({"network.pretrained": value}).folder
    assert "/" not in name
    assert name.isascii()
    assert len(name) < 255
    assert name.startswith("network.pretrained=")


def test_different_long_values_have_different_folders():
    assert Variant({"a": "x" * 300 + "1"}).folder != Variant({"a": "x" * 300 + "2"}).folder


def test_a_variant_changes_a_copy():
    fields = {"recipe": {"power": 1}}
    assert Variant({"recipe.iterations": 5}).over(fields) == {"recipe": {"power": 1, "iterations": 5}}
    assert fields == {"recipe": {"power": 1}}


def test_what_is_written_is_read_and_more_values_join(tmp_path):
    write_sweep(tmp_path, grid({"a": [1, 2]}))
    write_sweep(tmp_path, grid({"a": [2, 3]}))
    assert [variant.settings for variant in read_sweep(tmp_path)] == [{"a": 1}, {"a": 2}, {"a": 3}]


@pytest.mark.parametrize("content", ["variants: 5", "variants: []", "variants: [{a: 1}, {b: 1}]", "x: 1"])
def test_a_broken_file_is_one_sentence(tmp_path, content):
    (tmp_path / "sweep.yaml").write_text(content)
    with pytest.raises(UserError, match="variants must be a list of values by field"):
        read_sweep(tmp_path)
