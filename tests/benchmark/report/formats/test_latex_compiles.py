"""Every LaTeX file that a report writes, set by the real pdflatex in bare article classes."""

import re
import shutil
import subprocess

import pytest
from image_losses import write_study

from benchmark.report import study_protocol
from benchmark.report.dataset_results import subjects
from benchmark.report.drawing import paper_style
from benchmark.report.figures import loss_curves, naubc_dots
from benchmark.report.results.study import read_study
from benchmark.report.tables import (
    cost_table,
    delta_mtl_table,
    evaluation_images_table,
    headline_table,
    loss_table,
    matrix_tables,
    mean_ranks_table,
    over_datasets_table,
)

pytestmark = pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
HOSTILE = [
    "random",
    "a_b&c%$#{}~^\\",
    "é ñ ß 中 \N{RIGHT-TO-LEFT OVERRIDE}",
    "[1cm]--x*`'\"<>|",
    "consistency-diversity[weighting=none,measure=loss,representation=distillation,power=0.5]",
]


@pytest.fixture(scope="session")
def pdflatex(tmp_path_factory):
    """Sets a document in an article class of these options; the widths (pt) by which lines are too wide."""

    def set_(body, files, options="", packages="booktabs"):
        folder = tmp_path_factory.mktemp("tex")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        head = rf"\documentclass[{options}]{{article}}\usepackage{{{packages}}}"
        (folder / "page.tex").write_text(rf"{head}\begin{{document}}{body}\end{{document}}")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0, said[-2000:]
        assert "Missing character" not in said
        return [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", said)]

    return set_


def tex_of(synthetic, folder, names):
    """The LaTeX files of a study of one data set, and the mean ranks of one of six."""
    table = synthetic.rows(names, seeds=4)
    synthetic.add_rounds(synthetic.write(folder, table), table)
    facts = {"tasks": synthetic.tasks, "strategies": {name: {"source": name} for name in names}}
    synthetic.add_experiment(synthetic.add_facts(folder, **facts), strategies=["random"])
    study = read_study(folder)
    files = loss_table.render(study.results) | headline_table.render(study.results)
    for part in (matrix_tables, cost_table, delta_mtl_table, study_protocol):
        files |= part.render(study)
    files |= mean_ranks_table.render(of_six(synthetic, folder / "six", names))
    files |= over_datasets_table.render(of_three(synthetic, folder / "three", names))
    if "entropy" in names:
        files |= evaluation_images_table.render(read_study(write_study(folder / "images", names)[0]))
    return {path.rpartition("/")[2]: text for path, text in files.items() if path.endswith(".tex")}


def of_six(synthetic, folder, names):
    short = {"seeds": 1, "budgets": (40, 80), "metrics": {("total", "loss"): (1.3, -0.4, 0.02)}}
    table = [row for name in "abcdef" for row in synthetic.rows(names, dataset=name, **short)]
    return read_study(synthetic.write(folder, table))


def of_three(synthetic, folder, names):
    short = {"seeds": 4, "metrics": {("total", "loss"): (1.3, -0.4, 0.02)}}
    table = [row for name in "abc" for row in synthetic.rows(names, dataset=name, **short)]
    return read_study(synthetic.write(folder, table))


@pytest.fixture(scope="module")
def hostile(synthetic, tmp_path_factory):
    return tex_of(synthetic, tmp_path_factory.mktemp("hostile"), HOSTILE)


@pytest.fixture(scope="module")
def usual(synthetic, tmp_path_factory):
    return tex_of(synthetic, tmp_path_factory.mktemp("usual"), synthetic.strategies)


def all_of(files):
    return r"\clearpage ".join(rf"\input{{{name}}}" for name in sorted(files))


def test_all_tables_are_there(hostile):
    kinds = [
        "cost",
        "delta_mtl",
        "headline",
        "loss_vs_labels",
        "mean_ranks",
        "over_datasets",
        "overlap",
        "penalty",
        "protocol",
    ]
    assert sorted(hostile) == [f"{kind}.tex" for kind in kinds]


@pytest.mark.parametrize("options", ["", "twocolumn"])
def test_hostile_names_compile_with_booktabs_alone(hostile, pdflatex, options):
    pdflatex(all_of(hostile), hostile, options)


@pytest.mark.parametrize("options", ["", "twocolumn"])
@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_no_table_is_wider_than_its_place(request, pdflatex, options, which):
    files = dict(request.getfixturevalue(which))
    if which == "hostile":  # a list of settings holds names in lines as long as they are
        del files["protocol.tex"]
    assert pdflatex(all_of(files), files, options, "booktabs,graphicx") == []


def test_five_strategies_fit_both_columns_without_being_scaled(usual, pdflatex):
    assert pdflatex(r"\input{headline}", usual, "twocolumn") == []


def test_a_two_column_article_holds_the_main_figure_and_the_main_table(
    usual, synthetic, total_only, pdflatex, tmp_path
):
    """As an author would set it: a figure in one column, one over both, the headline and text between."""
    (subject,) = subjects(read_study(synthetic.write(tmp_path, synthetic.rows(metrics=total_only))))
    drawn = {"loss.pdf": loss_curves.render(subject, paper_style.Paper())["total_loss"]["pdf"]}
    text = "Labels cost more than anything else. " * 60
    body = (
        rf"\title{{An article}}\author{{Nobody}}\maketitle {text}"
        r"\begin{figure}\centering\includegraphics[width=\columnwidth]{loss.pdf}\caption{Loss.}\end{figure}"
        r"\begin{figure*}\includegraphics[width=\textwidth]{loss.pdf}\caption{Wide.}\end{figure*}"
        rf"\input{{headline}} {text} \input{{over_datasets}} \input{{evaluation_images}} {text}"
    )
    assert pdflatex(body, usual | drawn, "twocolumn,10pt", "booktabs,graphicx") == []


def test_figures_can_be_included_at_both_widths(synthetic, total_only, pdflatex, tmp_path):
    table = synthetic.rows(HOSTILE[:2], metrics=total_only)
    (subject,) = subjects(read_study(synthetic.write(tmp_path, table)))
    drawn = {"naubc.pdf": naubc_dots.render(subject, paper_style.Paper())["pdf"]}
    drawn["loss.pdf"] = loss_curves.render(subject, paper_style.Paper())["total_loss"]["pdf"]
    widths = (r"\columnwidth", r"\textwidth")
    body = "".join(
        rf"\begin{{figure*}}\includegraphics[width={width}]{{{name}}}\end{{figure*}}"
        for name in drawn
        for width in widths
    )
    assert pdflatex(body, drawn, "twocolumn", "graphicx") == []
