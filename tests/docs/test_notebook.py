"""The notebook runs, in a kernel of Jupyter, and shows what its text promises."""

import json
import re
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "examples" / "first_study.ipynb"


slow = pytest.mark.slow  # it trains three strategies, and writes a report


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells of code after a run in an empty folder, and the folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"], folder


def shown(cell, kind):
    """What a cell shows of a kind, as one text."""
    return "".join(out["data"][kind] for out in cell.outputs if kind in out.get("data", {}))


@slow
def test_every_cell_ends_well_and_writes_nothing_to_stderr(executed):
    cells, _ = executed
    assert len(cells) >= 7
    streams = [out for cell in cells for out in cell.outputs if out.output_type == "stream"]
    assert not [out.text for out in streams if out.name == "stderr"]


@slow
def test_the_study_its_curves_and_the_comparison_are_shown(executed):
    cells, folder = executed
    assert "<td>" in shown(cells[1], "text/html")
    assert "2 strategies, 2 seeds" in shown(cells[1], "text/html")
    assert len(shown(cells[2], "image/png")) > 10_000
    assert "Fewer than 4 seeds describe and prove nothing" in shown(cells[-2], "text/plain")
    assert (folder / "results" / "first-study" / "index.html").is_file()


@slow
def test_the_second_run_trained_the_new_strategy_alone(executed):
    cells, _ = executed
    said = "".join(out.get("text", "") for out in cells[5].outputs if out.output_type == "stream")
    assert re.search(r"least-sure, seed 1: 24 labelled", said)
    assert not re.search(r"(random|entropy), seed \d: \d+ labelled", said)


def test_no_output_is_kept_and_every_link_leads_to_a_file():
    content = json.loads(NOTEBOOK.read_text())
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    text = "".join("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert links
    assert all((NOTEBOOK.parent / link).exists() for link in links)
