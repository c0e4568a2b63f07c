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
        ("id,minutes\na,1\nb,2\na,3\n", "prices.csv has 2 rows of 'a'; keep one of them"),
        ("id,minutes\na,1,5\n", "has 3 cells in the row of 'a', and 2 columns; write decimals with a point"),
        ("id,minutes,minutes\na,1,5\n", "has two columns 'minutes'; give each a name of its own"),
        ("id,minutes,id\na,1,a\n", "has two columns 'id'"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, word):
    (tmp_path / "prices.csv").write_text(text)
    with pytest.raises(ValueError, match=word):
        columns_of(tmp_path / "prices.csv", ("a",))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        columns_of(tmp_path / "prices.csv", ("a",))


def test_a_table_that_is_not_utf_8_is_refused(tmp_path):
    """Spreadsheets save such by default, on some systems."""
    (tmp_path / "prices.csv").write_bytes("id,größe\na,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"prices.csv is no UTF-8 text \(byte 5\); save it as UTF-8"):
        columns_of(tmp_path / "prices.csv", ("a",))


def test_rows_of_other_images_say_nothing(tmp_path):
    (tmp_path / "prices.csv").write_text("id,minutes\n\na,1\nother,1,5\nother,2\n\n")
    assert columns_of(tmp_path / "prices.csv", ("a",)) == {"minutes": {"a": 1.0}}


def test_a_wrong_table_names_the_data_set_too(folder):
    folder.fields["columns"] = "prices.csv"
    (folder.root / "prices.csv").write_text("id,minutes\na,1\nb,2\nb,3\n")
    assert "dataset.yaml': columns: " in folder.error()
    assert folder.error().endswith("prices.csv has 2 rows of 'b'; keep one of them.")
