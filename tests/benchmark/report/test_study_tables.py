"""Tables of published results in the documentation are those of their archives, and only they are written."""

import re

import pytest

from benchmark.authoring.marked_parts import END, marks
from benchmark.authoring.study_tables import MARK, documents, main, rows, with_tables
from benchmark.errors import UserError
from benchmark.report.page.claim import claim
from benchmark.report.results.archives import pack
from benchmark.report.results.load import read_results
from benchmark.report.statistics.dataset_statistics import evidence

SMALL = "<!-- small.zip: {} -->"


@pytest.fixture
def packed(synthetic, tmp_path):
    """A folder of documents with a published study; and the study's folder."""
    table = synthetic.rows(seeds=2)
    folder = synthetic.add_rounds(synthetic.write(tmp_path / "results", table), table)
    synthetic.add_experiment(synthetic.add_facts(folder))
    (tmp_path / "docs").mkdir()
    pack(folder, tmp_path / "docs" / "small.zip")
    return tmp_path / "docs", folder


def document(table):
    return f"Before\n{SMALL.format(table)}\n| old |\n{END}\nAfter | this |\n"


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in documents()])
def test_documents_say_what_their_archives_say(file):
    text = file.read_text(encoding="utf-8")
    assert with_tables(text) == text, "make docs"
    assert text.count(END) == len([*marks(text, MARK)])


def test_a_table_is_written_between_its_marks_and_nothing_else(packed):
    docs, _ = packed
    text = with_tables(document("loss_vs_labels"), docs)
    before, *table, end, after = text.splitlines()
    assert (before, end, after) == ("Before", END, "After | this |")
    assert table[1:] == rows(docs, "small.zip", "loss_vs_labels")
    assert "old" not in text
    assert with_tables(text, docs) == text


def test_costs_and_losses_are_those_of_the_results(packed):
    docs, folder = packed
    table = [re.split(r" *\| *", row)[1:-1] for row in rows(docs, "small.zip", "costs_and_losses")]
    found = evidence(read_results(folder), "rooms")
    by_name = found.naubc.groupby("strategy")["naubc"].mean()
    assert [row[0] for row in table[2:]] == [name for part in found.order for name in part]
    for name, naubc, minus, share, *seconds in table[2:]:
        assert float(naubc) == pytest.approx(by_name[name], abs=5e-4)
        if name == "random":
            assert (minus, share) == ("\N{EN DASH}", "\N{EN DASH}")
            continue
        assert float(minus) == pytest.approx(by_name[name] - by_name["random"], abs=5e-4)
        assert float(share.removesuffix(" %")) == pytest.approx(100 * float(minus) / found.gap.mean, abs=1)
        assert all(float(each) >= 0 for each in seconds)


def test_several_archives_are_one_report(packed, synthetic, tmp_path):
    docs, _ = packed
    for name in "ab":
        table = synthetic.rows(dataset=name, seeds=4)
        folder = synthetic.add_rounds(synthetic.write(tmp_path / name, table), table)
        pack(synthetic.add_experiment(synthetic.add_facts(folder)), docs / f"{name}.zip")
    text = with_tables(f"<!-- a.zip b.zip: over_datasets_effects -->\n| old |\n{END}\n", docs)
    assert "| strategy | a | b |" in text
    with pytest.raises(UserError, match=r"a\.zip has no table over_datasets: "):
        rows(docs, "a.zip", "over_datasets")


def test_the_claim_is_the_page_s(packed):
    docs, folder = packed
    said = re.sub(r"\\(.)", r"\1", " ".join(rows(docs, "small.zip", "claim")))
    assert said == claim(evidence(read_results(folder), "rooms")).sentence


def test_what_is_not_there_is_named(packed):
    docs, _ = packed
    with pytest.raises(UserError, match=r"small\.zip has no table scores: it has claim, cost, "):
        with_tables(document("scores"), docs)
    with pytest.raises(UserError, match=r"nothing\.zip"):
        with_tables(document("cost").replace("small", "nothing"), docs)


def test_the_command_writes_all_documents_and_leaves_the_others(packed):
    docs, _ = packed
    (docs / "a.md").write_text(document("cost"), encoding="utf-8")
    (docs / "b.md").write_text("No | table\n", encoding="utf-8")
    main(docs)
    assert "| random |" in (docs / "a.md").read_text(encoding="utf-8")
    assert (docs / "b.md").read_text(encoding="utf-8") == "No | table\n"
