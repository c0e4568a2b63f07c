"""Commands on results: reported, compared, packed and reported again on another machine."""

import json

import pytest

from benchmark.records.round_store import Round, Store
from benchmark.report.drawing import canvas


@pytest.fixture(autouse=True)
def _figures_unsaved(monkeypatch):
    """They are drawn and not saved, which takes most of a report's time."""
    monkeypatch.setattr(canvas, "_saved", lambda figure, kind: b"")


@pytest.fixture
def results(tmp_path):
    """Two strategies, two budgets, two seeds; entropy is .1 better at the second budget."""
    store = Store(tmp_path / "study")
    for name, gain in (("random", 0.2), ("entropy", 0.3)):
        for seed in (0, 1):
            for number in (0, 1):
                loss = 1 + seed / 10 - gain * number
                ids = tuple(f"{name if i > 9 else ''}{i}" for i in range(10 * number + 10))
                store.write(Round("rooms", name, seed, number, "key", ids, {"total": {"loss": loss}}, "w"))
    store.write_results()
    environment = {"data": {"name": "rooms", "pool": 100, "val": 10, "digest": "0"}, "strategies": {}}
    (store.root / "environment.json").write_text(json.dumps(environment))
    (store.root / "experiment.yaml").write_text("dataset: rooms\n")
    return store.root


def test_the_paired_answer_in_words(mtal, results):
    said = mtal("compare", "entropy", "random", "study")
    assert said.code == 0
    assert "entropy has a NAUBC of 0.900 against 0.950 for random: -0.050" in said.out
    assert "prove nothing" in said.out


def test_wrong_names_are_one_sentence(mtal, results):
    said = mtal("compare", "entropi", "random", "study")
    assert (said.code, said.err) == (
        2,
        "Error: The results hold no strategy 'entropi'; they hold: entropy, random.\n",
    )
    said = mtal("report", "study", "--strategies", "entropi")
    assert said.code == 2
    assert "entropi" in said.err


def test_packed_results_are_reported_and_compared_on_another_machine(mtal, results, tmp_path):
    here = mtal("report", "study")
    assert mtal("export", "study", "study.zip").out.startswith("Wrote study.zip: 8 rounds.")
    results.rename(tmp_path / "gone")
    there = mtal("report", "study.zip", "--out", "elsewhere")
    assert there.code == 0
    assert there.out.partition("elsewhere")[0] == here.out.partition("study/")[0]
    assert (tmp_path / "elsewhere" / "index.html").is_file()
    assert "entropy" in mtal("compare", "entropy", "random", "study.zip").out


def test_without_out_a_packed_report_lies_beside_its_file(mtal, results, tmp_path):
    mtal("export", "study", "packed.zip")
    assert mtal("report", "packed.zip").code == 0
    assert (tmp_path / "packed" / "tables" / "headline.md").is_file()


def test_what_cannot_be_packed_is_one_sentence(mtal, results):
    assert mtal("export", "nowhere", "a.zip").code == 2
    assert "holds no experiment.yaml" in mtal("export", "nowhere", "a.zip").err


def test_the_noise_floor_of_a_tiny_study(mtal, tmp_path):
    fields = {
        "data": {"pool": 12, "val": 4, "height": 32, "width": 32},
        "network": {"width": 8, "blocks": 1},
        "recipe": {"iterations": 2, "batch_size": 4},
    }
    settings = [f"--set={k}.{n}={v}" for k, of in fields.items() for n, v in of.items()]
    said = mtal(
        "noise", "--device", "cpu", "--budgets", "4,8", "--trainings", 2, "--threads", 1, "--quiet", *settings
    )
    assert said.code == 0
    assert "33.3 % (4)" in said.out
    assert "four studies of five" in said.out


@pytest.mark.parametrize(
    ("setting", "words"),
    [("first_labels=pairs", "first_labels: pairs"), ("cost_columns={depth: minutes}", "cost_columns")],
)
def test_noise_is_not_measured_on_other_labels_than_a_study_s(mtal, tmp_path, setting, words):
    """Trained as whole images, all draws would be one set, and no round 0 of the study."""
    said = mtal("noise", "--set", setting, "--out", "results")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"Error: {words}: the noise is measured on whole images at one price; leave it out, and give another "
        "--out than the study's.\n"
    )
    assert not list(tmp_path.iterdir())
