"""Hostile folders of results: rounds, tables, settings, signs of life, pictures; reports on them."""

import json
import os
import warnings
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers the built-in strategies
from baselines._stored_rounds import stored_round
from benchmark.records.heartbeat import STATUS, Sign, read_sign
from benchmark.records.round_store import NOISE_FLOOR, Round, Store
from benchmark.records.selection_pictures import LIST, Pick, picks_folder, read_picks, write_picks
from benchmark.records.status import status_table
from benchmark.report import study_protocol
from benchmark.report.compare import compare
from benchmark.report.page import page
from benchmark.report.results.load import read_results
from benchmark.report.results.study import read_study
from benchmark.report.tables import (
    cost_table,
    delta_mtl_table,
    headline_table,
    loss_table,
    matrix_tables,
    mean_ranks_table,
)
from benchmark.report.validity import measured_noise

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FEW = settings(MANY, max_examples=max(1, settings.default.max_examples // 30))  # each is a whole report
ROUND = Round(
    dataset="rooms",
    strategy="random",
    seed=0,
    round=0,
    key="key",
    labelled=("a", "b"),
    metrics={"total": {"loss": 1.5}, "depth": {"loss": 1.0, "rmse": None}},
    weights_digest="w",
    selected=("c",),
    scores=[[0.5, 1.0]] * 4,
    strategy_state={"seen": [1]},
    seconds={"train": 1.0, "select": 0.1},
    peak_memory_mb=9.5,
)
EXPERIMENT = {
    "name": "study",
    "dataset": "rooms",
    "network": {"name": "pad_net", "width": 8},
    "recipe": {"iterations": 3},
    "budgets": [2, "75 %"],
    "strategies": ["random", "entropy"],
    "seeds": [0, 1],
    "full_data": True,
}
ENVIRONMENT = {
    "data": {"name": "rooms", "pool": 4, "val": 2, "digest": "0", "facts": {"size": [8, 8], "a": {"b": 1}}},
    "tasks": {"depth": {"kind": "scalar", "weight": 1.0, "headline": "rmse", "options": {}}},
    "strategies": {"random": {"family": "random", "source": "x", "reference": False}, "entropy": {}},
    "device": "cpu",
    "threads": 1,
    "deterministic": True,
    "packages": {"torch": "2", "numpy": None},
    "revision": None,
}
SIGN = {"host": "h", "pid": 1, "device": "cpu", "round": 1, "done": 5, "total": 9, "skipped": 0}
SIGN |= {"started": 1.0, "updated": 9.0}
PARTS = (
    loss_table,
    headline_table,
    matrix_tables,
    cost_table,
    delta_mtl_table,
    mean_ranks_table,
    study_protocol,
    measured_noise,
)


def rounds():
    """Two strategies and the full data, two seeds, two budgets, and two trainings of the noise floor."""
    for seed in (0, 1):
        for strategy in ("random", "entropy"):
            for number, ids in enumerate((("a", "b"), ("a", "b", "c"))):
                loss = {"total": {"loss": 2.0 - number + seed / 10}, "depth": {"rmse": 1.0 + len(strategy)}}
                yield Round("rooms", strategy, seed, number, "key", ids, loss, "w", ("c",) * (not number))
        yield Round("rooms", "full-data", seed, 0, "key", tuple("abcd"), {"total": {"loss": 0.5}}, "w")
        yield Round("rooms", NOISE_FLOOR, seed, 0, "key", ("a", "b"), {"total": {"loss": 1.0 + seed}}, "w")


@pytest.fixture
def folder(tmp_path):
    """Sound results, in a folder beside which nothing may appear."""
    root = tmp_path / "results ä"
    for done in rounds():
        Store(root).write(done)
    Store(root).write_results()
    (root / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    (root / "environment.json").write_text(json.dumps(ENVIRONMENT))
    yield root
    assert {path.name for path in tmp_path.iterdir()} == {root.name}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reported(root):
    """All of a report but its figures, which take seconds: the same numbers are in their tables."""
    study = read_study(root)
    files = {}
    for part in PARTS:
        files |= part.render(study.results if part in (loss_table, headline_table) else study)
    files |= page.render_page(study, files)
    return loss_table.terminal_table(study.results), files


@contextmanager
def kept(file):
    """A file's content, which it has again after a case: the folder is that of all cases."""
    sound = file.read_bytes()
    try:
        yield sound
    finally:
        file.write_bytes(sound)


def first_round(root):
    return root / "rooms/random/seed-0/round-00.json"


def is_sound(done):
    assert done.seed >= 0
    assert done.round >= 0
    assert all(isinstance(image, str) for image in (*done.labelled, *done.selected))
    assert json.loads(json.dumps(asdict(done), allow_nan=False))


def test_sound_results_are_reported(folder):
    text, files = reported(folder)
    assert "random" in text
    assert "index.html" in files
    assert "4 of 4 rounds" not in status_table(folder)
    assert len(list(Store(folder).rounds())) == 10


@MANY
@given(st.data())
def test_fields_of_other_types_in_rounds(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(asdict(ROUND)))))))
    for done in judged(lambda: [*Store(folder).rounds()], file) or ():
        is_sound(done)
    table = judged(Store(folder).write_results, file)
    assert table is None or judged(lambda: read_results(folder), folder)


@MANY
@given(st.data())
def test_damaged_rounds(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_bytes(data.draw(fuzz.bytes(json.dumps(asdict(ROUND)).encode())))
    for done in judged(lambda: [*Store(folder).rounds()], file) or ():
        is_sound(done)


def test_a_round_of_another_place_is_not_taken_for_one_of_its_own(folder):
    other = folder / "rooms/random/seed-7/round-00.json"
    other.parent.mkdir()
    other.write_bytes(first_round(folder).read_bytes())
    with pytest.warns(UserWarning, match="another place"):
        assert len(list(Store(folder).rounds())) == 10
    with pytest.warns(UserWarning, match="another place"):
        assert Store(folder).read("rooms", "random", 7, 0) is None


@FEW
@given(st.data())
def test_reports_on_rounds_of_any_content(judged, fuzz, folder, data):
    """The rounds that a report looks into, beside a table that is sound."""
    first = {done.strategy: asdict(done) for done in rounds() if (done.seed, done.round) == (0, 0)}
    for name in ("random", "entropy", NOISE_FLOOR):
        file = folder / f"rooms/{name}/seed-0/round-00.json"
        file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(first[name]))))))
    judged(lambda: reported(folder), folder)


@FEW
@given(st.data())
def test_reports_on_environments_of_any_content(judged, fuzz, folder, data):
    (folder / "environment.json").write_text(json.dumps(data.draw(fuzz.values(ENVIRONMENT))))
    judged(lambda: reported(folder), folder)
    judged(lambda: status_table(folder), folder)


@FEW
@given(st.data())
def test_reports_on_experiments_of_any_content(judged, fuzz, folder, data):
    (folder / "experiment.yaml").write_text(
        yaml.dump(data.draw(fuzz.values(EXPERIMENT))), errors="surrogatepass"
    )
    judged(lambda: reported(folder), folder)


@FEW
@given(st.data())
def test_reports_on_damaged_files(judged, fuzz, folder, data):
    file = folder / data.draw(st.sampled_from(["results.csv", "environment.json", "experiment.yaml"]))
    with kept(file) as sound:
        file.write_bytes(data.draw(fuzz.bytes(sound, head=2000)))
        judged(lambda: reported(folder), folder)


CELLS = [
    "",
    " ",
    "-1",
    "1.5",
    "1e400",
    "nan",
    "inf",
    "9" * 18,
    "9" * 30,
    "9" * 5000,
    "0x1",
    "\uff11",
    "NA",
    "-0",
    "1e308",
]
CELLS += [
    "../../x",
    "<script>",
    "a\nb",
    "a\0b",
    '"',
    "\x1b[31m",
    "\u202e",
    "ä 😀",
    "x" * 3000,
    "full-data",
    "round-0",
]


@FEW
@given(st.data())
def test_reports_on_tables_with_any_cells(judged, folder, data):
    Store(folder).write_results()  # another case may have changed it
    lines = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(lines))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(st.sampled_from(CELLS))
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    (folder / "results.csv").write_text(text, newline="")
    judged(lambda: reported(folder), folder)
    judged(lambda: compare(read_results(folder), "entropy", "random"), folder, "compare", "strategy")


NAMES = [
    "../../escaped",
    "/etc/escaped",
    "<script>alert(1)</script>",
    "a\nb",
    "\x1b]0;owned\x07",
    "..",
    "ä b",
    "%2e%2e",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_text_and_in_their_folder(judged, tmp_path, name):
    root = tmp_path / "deep" / "results"
    for done in rounds():
        Store(root).write(replace(done, dataset=name))
        Store(root).write(replace(done, dataset=name, strategy=name))
    Store(root).write_results()
    (root / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"strategies": [name], "name": name}))
    (root / "environment.json").write_text(
        json.dumps(ENVIRONMENT | {"device": name, "strategies": {name: {}}})
    )
    text, files = judged(lambda: reported(root), root)
    assert not {"\x1b", "\x07"} & set(text)
    assert all(".." not in path.split("/") and not path.startswith("/") for path in files)
    assert b"<script>alert" not in files["index.html"]
    assert b"\x1b" not in files["index.html"]
    assert not {"\x1b", "\x07"} & set(judged(lambda: status_table(root), root))
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"results"}


def test_results_name_strategy_files_and_nobody_executes_them(judged, folder, tmp_path):
    canary = folder / "canary"
    code = folder / "mine.py"
    code.write_text(f"import os\nos.mkdir({str(canary)!r})\n")
    names = [f"{code}:x", f"power[base={code}:x]", f"power[base={code}:x,power=2]", "entropy"]
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"strategies": names}))
    (folder / "environment.json").write_text(
        json.dumps(ENVIRONMENT | {"strategies": {name: {} for name in names}})
    )
    assert "x, seed 0" in judged(lambda: status_table(folder), folder)
    assert judged(lambda: reported(folder), folder)
    assert not canary.exists()


@MANY
@given(st.data())
def test_signs_of_life_of_any_content(judged, fuzz, folder, data):
    home = folder / "rooms/random/seed-0"
    (home / STATUS).write_text(json.dumps(data.draw(fuzz.values(SIGN))))
    sign = judged(lambda: read_sign(home), "")
    assert sign is None or isinstance(sign, Sign)
    assert judged(lambda: status_table(folder), folder)


ERRORS = [b"", b"\xff\xfe", b"\n" * 1000, b"\x1b]0;owned\x07", b"x" * 2**20, "\u202e😀".encode()]


@pytest.mark.parametrize("content", ERRORS)
def test_errors_that_were_kept_are_shown_as_text(judged, folder, content):
    (folder / "rooms/random/seed-0/error.txt").write_bytes(content)
    (folder / "rooms/random/seed-0/round-01.json").unlink()
    text = judged(lambda: status_table(folder), folder)
    assert text.isprintable() or set(filter(lambda sign: not sign.isprintable(), text)) == {"\n"}


WAITING = ("experiment.yaml", "environment.json", "results.csv", "rooms/random/seed-0/round-00.json")
WAITING += (
    f"rooms/random/seed-0/{STATUS}",
    "rooms/random/seed-0/error.txt",
    f"rooms/random/seed-0/picks-00/{LIST}",
)


def as_pipe(path):
    os.mkfifo(path)


def as_folder(path):
    path.mkdir()


def as_device(path):
    path.symlink_to("/dev/zero")


def as_link_to_nothing(path):
    path.symlink_to(path.parent / "nothing")


def as_link_to_itself(path):
    path.symlink_to(path.name)


def as_terabyte(path):
    with path.open("wb") as stream:
        stream.truncate(2**40)


KINDS = [as_pipe, as_folder, as_device, as_link_to_nothing, as_link_to_itself, as_terabyte]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WAITING)
def test_what_is_no_plain_file_makes_nobody_wait(judged, folder, name, kind):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    kind(path)
    judged(lambda: read_study(folder), folder)
    judged(lambda: status_table(folder), folder)
    assert judged(lambda: read_picks(folder / "rooms/random/seed-0/picks-00"), folder) == []


JPEG = b"\xff\xd8\xff" + bytes(20) + b"\xff\xd9"


@MANY
@given(st.data())
def test_pictures_of_any_content(judged, fuzz, folder, data):
    home = picks_folder(folder / "rooms/random/seed-0", 0)
    if not home.exists():
        write_picks(home, [Pick("c", JPEG, {"depth": (0.5, 0.1)}, {"depth": JPEG})])
    listed = {"format": 1, "picks": [{"image": "c", "scores": [["depth", 0.5, 0.1]], "maps": ["depth"]}]}
    (home / LIST).write_text(json.dumps(data.draw(fuzz.values(listed))))
    for pick in judged(lambda: read_picks(home), "") or ():
        assert all(content.startswith(b"\xff\xd8") for content in (pick.image, *pick.maps.values()))
        assert "".join([pick.image_id, *pick.scores, *pick.maps]).encode()


@MANY
@given(st.data())
def test_rounds_of_any_content_are_replayed_or_refused(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(asdict(ROUND)))))))
    found = judged(lambda: stored_round(file.parent, ["a", "b"]), file.parent, refusal=ValueError)
    assert found is None or all(isinstance(image, str) for image in found.selected)


@pytest.mark.parametrize("kind", KINDS)
def test_replay_waits_for_no_pipe(judged, folder, kind):
    file = first_round(folder)
    file.unlink()
    kind(file)
    assert judged(lambda: stored_round(file.parent, ["a", "b"]), file.parent, refusal=ValueError) is None


def test_numbers_of_any_size_have_a_report(judged, folder):
    """Sums and squares of what a table may hold overflow; a report says so or shows it."""
    table = (folder / "results.csv").read_text()
    for number in ("1e308", "-1e308", "1e-320", "0.0"):
        (folder / "results.csv").write_text(table.replace("2.0", number).replace("1.1", number))
        with np.errstate(all="ignore"):
            judged(lambda: reported(folder), folder)
