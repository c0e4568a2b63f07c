import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.formats.latex import document_part, escape, lists
from benchmark.report.formats.table import Cell, Section, Table
from benchmark.report.results.load import read_results
from benchmark.report.results.metrics import KNOWN
from benchmark.report.tables.loss_table import render

HOSTILE = [
    "random",
    "a_b%$<script>",
    "consistency-diversity[weighting=none,measure=loss]",
    "[1cm]--x",
    r"\input{/etc/passwd}^~|&#*`",
    "é 中 \n",
]
#: Commands that the escaping may use; anything else would be the name's own.
OWN = r"\\`\{\}|\\(text[a-z]+\{\}|[{}$&#%_])|\$\\pm\$|\$\^(?:2|\{\\circ\})\$|\$-\$|-\{\}|\{[\[*]\}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b%$<script>", r"a\_b\%\$\textless{}script\textgreater{}"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("-0 a-1 -.5", "$-$0 a-1 $-$.5"),
        ("[x]*", "{[}x]{*}"),
        ("\\", r"\textbackslash{}"),
        ("1 ± 2", r"1 $\pm$ 2"),
        ("Mean angle (°)", r"Mean angle ($^{\circ}$)"),
        ("é", "é"),
        ("中\n", "U+4E2DU+FFFD"),
    ],
)
def test_escape(text, expected):
    assert escape(text) == expected


@given(st.text(max_size=30))
def test_nothing_special_is_left_in_escaped_text(text):
    rest = re.sub(OWN, "", escape(text))
    assert not re.search(r"[\\{}$&#%_~^<>|`*\[\x00-\x1f\x7f]|--", rest)


@pytest.fixture(scope="module")
def tex(synthetic, total_only, tmp_path_factory):
    table = synthetic.rows(HOSTILE, seeds=2, metrics=total_only)
    missing_one = [row for row in table if row[1:3] != (HOSTILE[4], 1)]
    folder = synthetic.write(tmp_path_factory.mktemp("tex"), missing_one)
    return render(read_results(folder))["tables/loss_vs_labels.tex"].decode()


def test_every_row_has_all_cells_and_booktabs_rules(tex):
    rows = [line for line in tex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(HOSTILE) + 1
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {5}
    assert [tex.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]


def test_what_is_best_beyond_doubt_is_bold(synthetic, tmp_path):
    table = [
        ("rooms", name, seed, 0, 40, "total", "loss", value + seed / 50)
        for seed in range(4)
        for name, value in (("random", 1.2), ("a", 0.8), ("b", 1.0))
    ]
    rows = render(read_results(synthetic.write(tmp_path, table)))["tables/loss_vs_labels.tex"].decode()
    assert re.search(r"a & \\textbf\{0\.830\}\{\\scriptsize\$\\pm\$0\.041\} \\\\", rows)
    assert re.search(r"b & 1\.030\{\\scriptsize", rows)
    assert "in bold." in rows


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("-0.041", "$-$0.041"),
        ("(-0.15 to +0.02)", "($-$0.15 to +0.02)"),
        ("from -.5 on", "from $-$.5 on"),
        ("core-set", "core-set"),
        ("seeds 3-5", "seeds 3-5"),
        ("mc-dropout-10", "mc-dropout-10"),
        ("a--b", "a-{}-b"),
        ("x[power=-1]", "x{[}power=$-$1]"),
    ],
)
def test_a_minus_sign_is_none_of_a_hyphen(text, tex):
    assert escape(text) == tex


def test_the_note_names_what_is_missing(tex):
    assert escape(f"{HOSTILE[4]} has no result for seed 1 at any budget.") in tex


def test_an_interval_is_written_with_a_dash_and_words_stay_words():
    cells = [Cell("26 %", " (24.3 to 28)"), Cell("30 %", " (up to 31)"), Cell("1.0", " ± 0.2", " [n = 2]")]
    tex = document_part([Table(["a", "b", "c"], [("x", cells)], [], "", [])])
    assert r"26 \%{\scriptsize (24.3\textendash{}28)}" in tex
    assert r"30 \%{\scriptsize (up to 31)}" in tex
    assert r"1.0{\scriptsize$\pm$0.2 {[}n = 2]}" in tex


def test_heads_longer_than_their_column_and_long_names_take_several_lines():
    name = "consistency-diversity[weighting=none,measure=loss]"
    tex = document_part(
        [Table(["labels for random's loss", "p"], [(name, [Cell("1.0"), Cell("2")])], [], "", [])]
    )
    assert r"\begin{tabular}[b]{@{}r@{}}labels for\\random's loss\end{tabular} & p \\" in tex
    assert r"consistency-diversity\\{[}weighting=none,\\measure=loss]\end{tabular} & 1.0 & 2 \\" in tex


@pytest.mark.parametrize(("columns", "environment"), [(2, "table"), (9, "table*")])
def test_a_table_wider_than_a_column_goes_over_both(columns, environment):
    tex = document_part([Table(["10 % (40)"] * columns, [("random", [Cell("1.000")] * columns)], [], "", [])])
    assert rf"\begin{{{environment}}}[t]" in tex
    assert rf"\end{{{environment}}}" in tex


@pytest.mark.parametrize("metric", KNOWN.values(), ids=KNOWN)
def test_every_metric_of_a_task_has_its_letters(metric):
    assert "U+" not in escape(metric.label)


def test_a_digest_may_be_broken_and_is_the_same_without_the_breaks():
    digest = hashlib.sha256(b"data").hexdigest()
    text = lists([Section("data", [("digest", digest), ("tasks", "ab " * 40)])])
    assert text.count(r"\allowbreak ") == 7
    assert digest in text.replace(r"\allowbreak ", "")
