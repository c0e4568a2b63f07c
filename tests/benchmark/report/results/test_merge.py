"""Several folders in one report: only what compares, and no trajectory twice."""

import math
from dataclasses import replace

import pytest

from benchmark.errors import UserError
from benchmark.records.round_store import Store
from benchmark.report.results.load import KEY
from benchmark.report.results.merge import merged
from benchmark.report.results.settings import flattened, written
from benchmark.report.results.study import read_study

EVERYBODY = ("random", "entropy", "best")


@pytest.fixture
def folder(synthetic, total_only, tmp_path):
    """Makes a folder with some strategies of the same study; its data or settings may be other ones."""

    def made(name, shown, data=None, tasks=synthetic.tasks, settings=None, keep=lambda row: True, **options):
        every = synthetic.rows(EVERYBODY, 2, metrics=total_only, **options)
        table = [row for row in every if row[1] in {*shown, "full-data"} and keep(row)]
        path = synthetic.add_rounds(synthetic.write(tmp_path / name, table), table)
        about = {strategy: {"reference": strategy == "best"} for strategy in shown}
        facts = {"pool": 400, "val": 150, "digest": "0"} | (data or {})
        synthetic.add_facts(path, data=facts, tasks=tasks, strategies=about)
        return synthetic.add_experiment(path, **settings or {})

    return made


def one_of(*folders):
    return merged([read_study(folder) for folder in folders])


def test_strategies_of_two_folders_stand_in_one_table(folder):
    study = one_of(folder("a", ["random"]), folder("b", ["best", "entropy"]))
    assert study.results.strategies == ["best", "entropy", "random"]
    assert study.results.references == {"best"}
    assert (study.results.pool, study.results.val) == ({"rooms": 400}, 150)
    keys = study.results.table[KEY]
    assert not keys.duplicated().any()
    assert keys.equals(keys.sort_values(KEY, ignore_index=True))
    assert len(study.rounds) == 3 * 2 * 4 + 2
    assert [source.folder.name for source in study.sources] == ["a", "b"]


def test_the_order_of_folders_changes_no_number(folder):
    a, b = folder("a", ["random"]), folder("b", ["entropy"])
    one, other = one_of(a, b), one_of(b, a)
    assert one.results.table.equals(other.results.table)


def test_the_same_trajectory_in_both_counts_once(folder):
    one = folder("a", ["random"])
    study = one_of(one, folder("b", ["random"]))
    alone = read_study(one)
    assert study.results.table.equals(alone.results.table)
    assert study.rounds == alone.rounds


def test_a_missing_value_is_equal_to_itself(folder, tmp_path):
    for name in ("a", "b"):
        store = Store(folder(name, ["random"]))
        (done,) = (done for done in store.rounds() if (done.strategy, done.seed) == ("full-data", 1))
        store.write(replace(done, metrics={"total": {"loss": None}}))
        store.write_results()
    study = one_of(tmp_path / "a", tmp_path / "b")
    assert study.results.table["value"].map(math.isnan).sum() == 1


def test_a_trajectory_with_other_numbers_in_both_is_named(folder):
    changed = folder("b", ["random"])
    done = Store(changed).read("rooms", "random", 1, 2)
    Store(changed).write(replace(done, metrics={"total": {"loss": 9.5}}))
    Store(changed).write_results()
    with pytest.raises(UserError, match=r"a and .*b both hold random, seed 1 on rooms, with other numbers"):
        one_of(folder("a", ["random"]), changed)


def test_a_trajectory_that_is_shorter_in_one_is_not_the_same(folder):
    short = folder("b", ["random"], keep=lambda row: row[1:3] != ("random", 0) or row[4] < 160)
    with pytest.raises(UserError, match=r"both hold random, seed 0 on rooms"):
        one_of(folder("a", ["random"]), short)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": {"digest": "1"}}, r"data\.digest: 0 and 1"),
        ({"data": {"val": 160}}, r"data\.val: 150 and 160"),
        ({"tasks": {"semseg": {"weight": 2.0}}}, r"tasks\.semseg\.weight: 1\.0 and 2\.0"),
        ({"settings": {"recipe": {"iterations": 100}}}, r"recipe\.iterations: 80 and 100"),
        ({"settings": {"recipe": {"iterations": 80, "batch_size": 4}}}, r"recipe\.batch_size: 8 and 4"),
        ({"settings": {"network": {"name": "mti_net"}}}, r"network\.name: pad_net and mti_net"),
        ({"settings": {"costs": {"semseg": 10, "depth": 1}}}, r"costs: none and depth 1, semseg 10"),
        ({"settings": {"cost_columns": {"depth": "area"}}}, r"cost_columns: none and depth area"),
        ({"settings": {"network": {"options": {"depth": 3}}}}, r"network\.options: none and depth 3"),
        ({"settings": {"network": {"backbone": "/b/x.py:mine"}}}, r"network\.backbone: tiny and mine"),
        ({"settings": {"network": {"pretrained": "w.pth"}}}, r"network\.pretrained: no and a file"),
        ({"settings": {"budgets": [40, 80, 120]}}, r"budgets: 40, 80, 120, 160 and 40, 80, 120"),
        ({"budgets": (50, 80), "settings": {"budgets": [50, 80]}}, r"images: 40, 80, 120, 160 and 50, 80"),
        ({"pool": 300, "data": {"pool": 300}}, r"pool: 400 and 300"),
    ],
    ids=str,
)  # fmt: skip
def test_results_that_do_not_compare_are_refused_with_what_differs(folder, changes, sentence):
    one, other = folder("a", ["random"]), folder("b", ["entropy"], **changes)
    with pytest.raises(UserError, match=rf"a and .*b cannot be in one report.*rooms.*{sentence}"):
        one_of(one, other)


@pytest.mark.parametrize(
    ("theirs", "sentence"),
    [
        ({"network": {"backbone": {"name": "mine", "code": "2"}}}, r"network\.backbone\.code: 1 and 2"),
        ({"pretrained": {"sha256": "b"}}, r"pretrained\.sha256: a and b"),
    ],
)
def test_code_and_weights_must_be_the_same_wherever_they_lie(folder, synthetic, theirs, sentence):
    ours = {"network": {"backbone": {"name": "mine", "code": "1"}}, "pretrained": {"sha256": "a"}}

    def with_file(name, facts):
        network = {"backbone": f"/{name}/x.py:mine", "pretrained": f"/{name}/w.pth"}
        return synthetic.add_facts(folder(name, [name], settings={"network": network}), **facts)

    one, same = with_file("random", ours), with_file("entropy", ours)
    assert one_of(one, same).results.strategies == ["entropy", "random"]
    with pytest.raises(UserError, match=sentence):
        one_of(one, with_file("best", ours | theirs))


def test_no_file_that_results_name_is_executed(folder, tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('executed')\n")
    network = {"name": f"{tmp_path}/evil.py:net", "backbone": f"{tmp_path}/evil.py:trunk"}
    one, other = (folder(name, [name], settings={"network": network}) for name in ("random", "entropy"))
    assert one_of(one, other).results.strategies == ["entropy", "random"]


def test_prices_are_the_same_in_any_order(folder):
    one = folder("a", ["random"], settings={"costs": {"semseg": 10, "depth": 1}})
    other = folder("b", ["entropy"], settings={"costs": {"depth": 1, "semseg": 10}})
    assert one_of(one, other).results.strategies == ["entropy", "random"]


def test_what_an_older_folder_does_not_say_is_no_difference(folder, synthetic):
    one, other = folder("a", ["random"]), folder("b", ["entropy"])
    (other / "experiment.yaml").unlink()
    synthetic.add_facts(other, tasks={"semseg": {"weight": 1.0}})
    assert one_of(one, other).results.strategies == ["entropy", "random"]


def test_an_unfinished_folder_lacks_the_last_budgets_only(folder):
    other = folder("b", ["entropy"], keep=lambda row: row[4] in (40, 80, 400))
    assert one_of(folder("a", ["random"]), other).results.strategies == ["entropy", "random"]


def test_data_sets_of_their_own_may_differ_in_everything(folder, synthetic, total_only, tmp_path):
    rows = synthetic.rows(["random"], 1, budgets=(10, 20), pool=90, dataset="nyud", metrics=total_only)
    other = synthetic.add_experiment(synthetic.write(tmp_path / "n", rows, pool=90), budgets=[10, 20])
    study = one_of(folder("a", ["random"]), other)
    assert study.results.pool == {"nyud": 90, "rooms": 400}
    assert study.results.val is None
    assert [source.folder.name for source in study.sources_of("nyud")] == ["n"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"recipe": {"itrations": 3}}, r"b.experiment.yaml, recipe: there is no field itrations"),
        ({"network": {"wide": 3}}, r"b.experiment.yaml, network: there is no field wide"),
        ({"network": "pad_net"}, r"b.experiment.yaml, network: must hold fields, not 'pad_net'"),
        ({"budgets": ["many"]}, r"b.experiment.yaml: a budget must be a count"),
        ({"budgets": [40, 20]}, r"budgets: must grow"),
    ],
)  # fmt: skip
def test_an_experiment_that_cannot_be_read_is_named(folder, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        one_of(folder("a", ["random"]), folder("b", ["entropy"], settings=settings))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("- 1", "must hold fields"), ("a: [", "is not valid YAML"), ("!!python/name:os.system", "YAML")],
)
def test_a_file_of_settings_must_be_plain_yaml(folder, content, sentence):
    path = folder("a", ["random"])
    (path / "experiment.yaml").write_text(content)
    with pytest.raises(UserError, match=rf"experiment\.yaml.*{sentence}"):
        read_study(path)


def test_facts_as_flat_words():
    assert flattened({"a": {"b": 1, "c": [2]}, "d": {}}) == {"a.b": 1, "a.c": [2]}
    facts = {"a": {"b": True}, "c": [], "d": None, "e": [1, "x"]}
    assert written(facts) == "a.b yes, c none, d none, e 1, x"
