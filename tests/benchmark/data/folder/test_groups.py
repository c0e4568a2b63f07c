"""Groups of images by a pattern of their ids."""

import pytest

from benchmark.data.folder.groups import checked_pattern, groups_of


@pytest.mark.parametrize(
    ("pattern", "image", "group"),
    [
        ("{group}_*", "0016E5_07959", "0016E5"),
        ("{group}_*", "hall_left_003", "hall_left"),
        ("walk-{group}-f*", "walk-12-f03", "12"),
        ("*/{group}.*", "train/a.b.c", "a.b"),
        ("{group}", "(x)+", "(x)+"),
    ],
)
def test_a_group_is_what_stands_in_its_place(pattern, image, group):
    assert groups_of([image], checked_pattern(pattern)) == {image: group}


def test_an_id_of_another_pattern_is_named():
    with pytest.raises(ValueError, match=r"id 'c\.1' is not of the pattern '\{group\}_\*'"):
        groups_of(["a_1", "c.1"], "{group}_*")


@pytest.mark.parametrize("pattern", ["", "{id}_*", "{group}{group}", "{group}*****"])
def test_a_pattern_names_one_group(pattern):
    with pytest.raises(ValueError, match=r"\{group\} in it once"):
        checked_pattern(pattern)


def test_a_long_id_costs_no_time():
    assert groups_of(["a" * 256], "*a*{group}*a*") == {"a" * 256: "a"}
