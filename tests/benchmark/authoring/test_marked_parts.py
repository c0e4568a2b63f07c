"""What is written between marks of a document: that, and nothing else."""

import pytest

from benchmark.authoring.marked_parts import END, rewritten
from benchmark.errors import UserError

A, B = "<!-- table: a -->", "<!-- table: b -->"
MARK = r"table: (?P<name>\w)"


def named(text):
    return rewritten(text, MARK, lambda found: f"new {found['name']}")


def test_what_stands_between_a_mark_and_its_end_is_written_and_nothing_else():
    text = f"# Title\n\n{A}\nold\n\nolder\n{END}\n\nbetween\n{B}\n{END}\nmore\n"
    once = named(text)
    assert once == f"# Title\n\n{A}\nnew a\n{END}\n\nbetween\n{B}\nnew b\n{END}\nmore\n"
    assert named(once) == once


@pytest.mark.parametrize("text", ["", A, f"{A}\n", END, f"{END}\n{A}\n", f"see {A}\n{END}\n"])
def test_a_document_without_the_marks_is_refused(text):
    with pytest.raises(UserError, match=r"^The document must hold <!-- table: .* --> and, below it, .*\.$"):
        named(text)


def test_a_mark_never_takes_the_end_of_the_next():
    with pytest.raises(UserError, match="must hold <!-- table: a --> and"):
        named(f"{A}\nold\n{B}\nold\n{END}\n")
