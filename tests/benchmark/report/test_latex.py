import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.latex import escape
from benchmark.report.load import read_results
from benchmark.report.tables import render

HOSTILE = [
    "random",
    "a_b%$<script>",
    "consistency-diversity[weighting=none,measure=loss]",
    "[1cm]--x",
    r"\input{/etc/passwd}^~|&#*`",
    "é 中 \n",
]
#: Commands that the escaping may use; anything else would be the name's own.
OWN = r"\\`\{\}|\\(text[a-z]+\{\}|[{}$&#%_])|\$\\pm\$|-\{\}|\{[\[*]\}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b%$<script>", r"a\_b\%\$\textless{}script\textgreater{}"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("[x]*", "{[}x]{*}"),
        ("\\", r"\textbackslash{}"),
        ("1 ± 2", r"1 $\pm$ 2"),
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


def test_best_is_bold_and_second_underlined(synthetic, tmp_path):
    table = [
        ("rooms", name, seed, 0, 40, "total", "loss", value + seed / 50)
        for seed in range(2)
        for name, value in (("random", 1.2), ("a", 0.8), ("b", 1.0))
    ]
    rows = render(read_results(synthetic.write(tmp_path, table)))["tables/loss_vs_labels.tex"].decode()
    # Two seeds a fiftieth apart: their half-width is tan(0.475 pi) / 100.
    assert r"a & \textbf{0.810}{\scriptsize$\pm$0.127} \\" in rows
    assert r"b & \underline{1.010}{\scriptsize$\pm$0.127} \\" in rows
    assert r"random & 1.210{\scriptsize$\pm$0.127} \\" in rows


def test_the_note_names_what_is_missing(tex):
    assert escape(f"{HOSTILE[4]} has no result for seed 1 at any budget.") in tex


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_it_compiles_in_a_bare_article(tex, tmp_path):
    (tmp_path / "table.tex").write_text(tex, encoding="utf-8")
    page = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{table}\end{document}"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
