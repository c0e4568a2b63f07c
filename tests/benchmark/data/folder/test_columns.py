"""Numbers of images from a table beside a data set."""

import pytest

from benchmark.data.folder.columns import columns_of


def test_every_column_has_a_number_of_every_image(tmp_path):
    (tmp_path / "prices.csv").write_text('id,minutes,"people, all"\nb,2.5,1\na,1e1,3\nother,x,\n')
    found = columns_of(tmp_path / "prices.csv", ("a", "b"))
    assert found == {"minutes": {"a": 10.0, "b": 2.5}, "people, all": {"a": 3.0, "b": 1.0}}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "a column id and one of numbers"),
        ("id\na\n", "a column id and one of numbers"),
        ("image,minutes\na,1\n", "a column id and one of numbers"),
        ("id,minutes\nb,1\n", "no row of 'a'"),
        ("id,minutes\na,long\n", "no number of 'a' in 'minutes'"),
        ("id,minutes\na\n", "no number of 'a' in 'minutes'"),
        ('id,minutes\n"a,1\n', "cannot be read"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, word):
    (tmp_path / "prices.csv").write_text(text)
    with pytest.raises(ValueError, match=word):
        columns_of(tmp_path / "prices.csv", ("a",))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        columns_of(tmp_path / "prices.csv", ("a",))
