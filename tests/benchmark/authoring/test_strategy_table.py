"""The table of strategies in the documentation: made from the registry, and not stale."""

import pytest
from click.testing import CliRunner

import baselines  # noqa: F401
from benchmark.authoring.marked_parts import END, rewritten
from benchmark.authoring.strategy_table import DOCS, HEAD, MARK, main, strategies_table
from benchmark.cli.main import cli
from benchmark.errors import UserError
from strategies import Strategy, register
from strategies.registry import entries


@pytest.fixture(scope="module")
def table():
    return strategies_table()


@pytest.fixture
def row(table):
    def cells(name):
        (line,) = [line for line in table.splitlines() if line.startswith((f"| `{name}` |", f"| `{name}`, "))]
        return dict(zip(HEAD, [cell.strip() for cell in line.strip("|").split(" | ")], strict=True))

    return cells


def test_the_documentation_is_up_to_date(table):
    text = DOCS.read_text(encoding="utf-8")
    stale = rewritten(text, MARK, lambda _: table) != text
    assert not stale, "the table in docs/strategies.md is not that of the registry: run `make docs`"


@pytest.mark.parametrize("name", sorted(entries()))
def test_every_strategy_has_a_row_with_its_parameters(row, name):
    found = row(name)
    entry = entries()[name]
    assert found["family"] == entry.family
    assert found["source"] == entry.source
    assert found["name"].replace("`", "").split(", ") == [name, *entry.short_names]
    assert [p.split("=")[0] for p in found["parameters"].replace("`", "").split()] == list(entry.parameters)


@pytest.mark.parametrize(
    ("name", "needs", "passes", "numbers", "parameters"),
    [
        ("random", "nothing", 0, 0, "`draw=1`"),
        ("core-set", "pool pass", 1, 4 + 8, "`level=image` `patches=5` `features=backbone` `shards=1`"),
        ("entropy", "pool pass, views: flip", 2, 4, "`task=all`"),
        ("margin", "pool pass", 1, 2, "`task=all`"),
        ("learning-loss", "pool pass, module", 1, 4, "`hidden=128` `margin=1` `task=all`"),
        ("true-loss", "pool pass, labels", 1, 8, "`task=all`"),
        ("known-groups", "groups", 0, 0, "`order=spread`"),
        ("known-classes", "labels", 0, 0, "`order=rare`"),
        ("random-split", "label by label", 0, 0, ""),
        ("replay", "a value for from", 0, 0, "`from=`"),
    ],
)
def test_what_a_row_says(row, name, needs, passes, numbers, parameters):
    found = row(name)
    assert (found["needs"], found["parameters"]) == (needs, parameters)
    assert (int(found["passes"]), int(found["numbers"])) == (passes, numbers)


def test_rows_of_several_numbers_are_counted_and_signs_of_tables_escaped():
    @register("piped", source="a | b")
    class Piped(Strategy):
        """Measures a matrix and a number."""

        def measure(self, outputs):
            stage = outputs.backbone_features[0]
            return {"matrix": stage[:, :3, :2, 0], "number": stage.mean((1, 2, 3))}

    (line,) = [line for line in strategies_table().splitlines() if "`piped`" in line]
    assert line == r"| `piped` | other | pool pass | 1 | 7 |  | a \| b |"


def test_the_command_writes_the_document(tmp_path, monkeypatch, table):
    copy = tmp_path / "strategies.md"
    copy.write_text(f"a\n<!-- {MARK} -->\n{END}\nb\n", encoding="utf-8")
    monkeypatch.setattr("benchmark.authoring.strategy_table.DOCS", copy)
    main()
    assert copy.read_text(encoding="utf-8") == f"a\n<!-- {MARK} -->\n{table}\n{END}\nb\n"


def test_the_command_line_prints_it_for_strategies_and_for_nothing_else(table):
    printed = CliRunner().invoke(cli, ["list", "--markdown"]).stdout
    assert set(table.splitlines()) <= set(printed.splitlines())  # and more, where plug-ins are installed
    refused = CliRunner().invoke(cli, ["list", "networks", "--markdown"])
    assert isinstance(refused.exception, UserError)
    assert "no such table of networks" in str(refused.exception)
