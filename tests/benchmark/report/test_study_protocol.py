"""The protocol: every fact is there, what is missing is named, nothing breaks out of its format."""

import re

import pytest

from benchmark.records.round_store import Store
from benchmark.report.formats.latex import escape
from benchmark.report.results.merge import merged
from benchmark.report.results.study import read_study
from benchmark.report.study_protocol import protocol, render

MACHINE = {
    "device": "GPU 9",
    "threads": 4,
    "deterministic": False,
    "python": "3.12.1",
    "platform": "Linux_x86",
    "packages": {"torch": "2.12.0", "timm": None},
    "revision": "abc+",
}


@pytest.fixture
def folder(synthetic, total_only, tmp_path):
    def made(names=("random", "entropy"), name="run", keep=lambda row: True, seeds=2, **experiment):
        table = [row for row in synthetic.rows(names, seeds, metrics=total_only) if keep(row)]
        path = synthetic.write(tmp_path / name, table)
        data = {"pool": 400, "val": 150, "digest": "0f", "facts": {"classes": ["wall", "floor"]}}
        about = {one: {"family": "other", "source": "Somebody 2020", "reference": False} for one in names}
        synthetic.add_facts(path, data=data, tasks=synthetic.tasks, strategies=about, **MACHINE)
        synthetic.add_experiment(path, strategies=list(names), **experiment)
        return synthetic.add_rounds(path, table)

    return made


def facts(study):
    return {section.title: dict(section.facts) for section in protocol(study)}


def test_data_settings_tasks_strategies_machine(folder):
    found = facts(read_study(folder()))
    assert found["rooms: data"]["facts.classes"] == "wall, floor"
    assert found["rooms: data"]["digest"] == "0f"
    assert found["rooms: settings"] == {
        "network.name": "pad_net",
        "recipe.iterations": "80",
        "full_data": "yes",
    }
    assert found["rooms: tasks"]["depth"] == "kind scalar, weight 1.0, headline rmse"
    assert found["rooms: strategies"]["entropy"] == "family other, source Somebody 2020, reference no"
    assert found["machine and versions"]["torch"] == "2.12.0"
    assert found["machine and versions"]["timm"] == "none"
    assert found["machine and versions"]["deterministic"] == "no"


def test_what_is_compared_was_declared_and_does_not_depend_on_what_is_shown(folder):
    study = read_study(folder(("random", "entropy", "core-set"), seeds=4))
    found = facts(study)["rooms: comparisons"]
    assert found["family"].startswith("2 comparisons with random of the experiment")
    assert found["scale"].startswith("The gap to full data is the NAUBC of random minus")
    assert "isotonic regression" in found["labels needed"]
    subset = facts(study.only(["entropy"]))["rooms: comparisons"]
    assert subset.pop("not shown").endswith("core-set, random. Numbers are those of the whole experiment.")
    assert subset == found


def test_results_say_seeds_budgets_and_time(folder):
    found = facts(read_study(folder()))["rooms: results"]
    assert found["seeds"] == "0, 1"
    assert found["labelled images"] == "10 % (40), 20 % (80), 30 % (120), 40 % (160)"
    assert found["failed or not run"] == "nothing"
    assert found["values that a metric does not have"] == "none"
    # A training takes 40 + labelled / 10 + seed: rounds 1 to 3 of two strategies, one round 0, full data.
    trainings = sum(2 * (3 * 40 + 36 + 3 * seed) + 44 + seed + 80 + seed for seed in (0, 1))
    evaluations, passes, selections = 2.0 * 16, 3.0 * 16, 0.001 * (6 + 7) * 8
    assert found["computing time"] == f"{(trainings + evaluations + passes + selections) / 3600:.3g} hours"


def test_what_failed_or_was_not_run_is_named_even_if_nothing_of_it_is_there(folder):
    lost = {("entropy", 1), ("core-set", 0), ("core-set", 1)}
    path = folder(
        ("random", "entropy", "core-set"), keep=lambda row: row[1:3] not in lost and row[1] != "full-data"
    )
    found = facts(read_study(path))["rooms: results"]
    assert not {"failed", "failed or not run"} & set(found)
    assert found["not run"].split("; ") == [
        "core-set, seeds 0, 1 at any budget",
        "entropy, seed 1 at any budget",
        "full-data, seeds 0, 1 at any budget",
    ]


def test_what_failed_is_named_with_the_reason_that_it_left(folder):
    path = folder(keep=lambda row: row[4] < 120 or row[2:4] == (0, 0) or row[1] == "random")
    left(path, "entropy", 1, "Traceback ...\n  File x\nRuntimeError: the loss is nan\n")
    left(path, "random", 1, "RuntimeError: of an earlier try")
    found = facts(read_study(path))["rooms: results"]
    assert found["failed"] == "entropy, seed 1 at 30 % (120), 40 % (160): RuntimeError: the loss is nan"
    assert found["not run"].split("; ")[0] == "entropy, seed 0 at 30 % (120), 40 % (160)"


def test_a_round_zero_that_failed_is_why_its_trajectories_are_missing(folder):
    path = folder(keep=lambda row: row[2] == 0)
    left(path, "round-0", 1, "no memory")
    found = facts(read_study(path))["rooms: results"]
    assert found["failed"] == (
        "entropy, seed 1 at any budget: round 0 failed: no memory; "
        "random, seed 1 at any budget: round 0 failed: no memory"
    )
    assert found["not run"] == "full-data, seed 1 at any budget"


def test_reasons_are_kept_short_and_stay_text(folder):
    path = folder(keep=lambda row: row[1:3] != ("entropy", 1))
    left(path, "entropy", 1, "ValueError: <script>\\input{x} " + "x" * 9000)
    study = read_study(path)
    assert len(facts(study)["rooms: results"]["failed"]) < 300
    files = render(study)
    assert b"<script" not in files["tables/protocol.md"]
    assert b"\\input" not in files["tables/protocol.tex"]


def left(path, strategy, seed, text):
    folder = Store(path).trajectory("rooms", strategy, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "error.txt").write_text(text)


def test_budgets_that_no_trajectory_has_reached_are_planned_all_the_same(folder):
    found = facts(read_study(folder(keep=lambda row: row[4] != 160)))["rooms: results"]
    assert found["labelled images"].endswith("40 % (160)")
    assert found["not run"] == "entropy, seeds 0, 1 at 40 % (160); random, seeds 0, 1 at 40 % (160)"


def test_missing_values_of_metrics_are_counted(synthetic, tmp_path):
    table = [
        ("rooms", "random", 0, 0, 40, "total", "loss", 1),
        ("rooms", "random", 0, 0, 40, "edge", "edge_f", ""),
    ]
    found = facts(read_study(synthetic.write(tmp_path, table)))["rooms: results"]
    assert found["values that a metric does not have"] == "edge edge_f 1"
    assert "computing time" not in found


def test_older_folders_without_names_or_settings(folder, synthetic):
    path = folder()
    synthetic.add_facts(path, strategies={})
    (path / "experiment.yaml").unlink()
    found = facts(read_study(path))
    assert found["rooms: results"]["failed or not run"] == "nothing"
    assert found["rooms: settings"] == found["rooms: strategies"] == {}
    assert "settings" not in render(read_study(path))["tables/protocol.md"].decode()


def test_folders_that_differ_each_say_their_own(folder, synthetic):
    a, b = folder(("random",), "a"), folder(("random",), "b")
    synthetic.add_facts(b, device="cpu")
    machine = facts(merged([read_study(a), read_study(b)]))["machine and versions"]
    assert machine["device"] == "GPU 9 (a); cpu (b)"
    assert machine["python"] == "3.12.1"


def test_what_earlier_rounds_were_computed_with_is_said_where_it_was_something_else(folder, synthetic):
    path = folder(("random",))
    now = read_study(path).sources[0].environment
    older = {"python": now["python"], "device": "cpu", "packages": {"torch": "2.11.0", "timm": None}}
    synthetic.add_facts(path, earlier=[older, {"revision": "abc"}])
    assert (
        facts(read_study(path))["machine and versions"]["earlier rounds"]
        == "device cpu, torch 2.11.0; revision abc"
    )
    for broken in (5, "x", [5], None):
        synthetic.add_facts(path, earlier=broken)
        assert facts(read_study(path))["machine and versions"]["torch"] == "2.12.0"


def test_strategies_that_are_not_shown_are_not_listed(folder):
    found = facts(read_study(folder()).only(["random"]))
    assert set(found["rooms: strategies"]) == {"random"}
    assert found["rooms: results"]["failed or not run"] == "nothing"


def test_hostile_names_stay_text(folder):
    name = "a_b%$<script>\\input{x}|`c`\n[1cm]"
    files = render(read_study(folder(("random", name))))
    markdown, tex = files["tables/protocol.md"].decode(), files["tables/protocol.tex"].decode()
    assert "<script" not in markdown
    assert r"a\_b%\$&lt;script&gt;" in markdown
    assert escape(name) in tex
    assert r"\input" not in tex
    assert all(re.match(r"\\(paragraph|begin|end)\{|  \\item ", line) for line in tex.splitlines() if line)
    assert tex.count(r"\begin{itemize}") == tex.count(r"\end{itemize}") == markdown.count("**") / 2
