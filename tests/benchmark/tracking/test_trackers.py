"""The real libraries, where they are installed: what they were sent is read back from what they wrote."""

import json
import struct
import sys
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.tracking.tracker import TRACKERS, Curve, flat, trackers

SETTINGS = {"dataset": "rooms", "seed": 0, "recipe": {"iterations": 3, "augmentation": {}}}
PLACE = Path("rooms/core%3Aset/seed-0")
CURVE = Curve("0123456789abcdef", "core:set, seed 0", PLACE, SETTINGS)
ROUNDS = [(40, {"total/loss": 1.5, "odd (task)/m": 0.25}), (80, {"total/loss": 1.0, "odd (task)/m": 0.5})]


def send(found, rounds=ROUNDS, curve=CURVE):
    writer = found.begin(curve)
    for labelled, values in rounds:
        writer.round(labelled, values)
    writer.end()


@pytest.mark.parametrize("text", [None, "", " , "])
def test_no_tracker_is_the_default(text, tmp_path):
    assert trackers(text, tmp_path, "study") == {}


def test_an_unknown_tracker_is_named_beside_those_that_there_are(tmp_path):
    with pytest.raises(UserError, match="'comet'; there is: tensorboard, wandb, mlflow"):
        trackers("tensorboard,comet", tmp_path, "study")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_library_is_said_with_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, TRACKERS[name][0], raising=False)
    for module in ("tensorboard", "torch.utils.tensorboard", "wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf'--tracker {name} needs a library: .* pip install "{name}>='):
        trackers(name, tmp_path, "study")


def test_a_library_that_does_not_start_is_said_in_one_sentence(tmp_path, monkeypatch):
    def broken(name):
        raise TypeError("descriptors cannot\nbe created")

    monkeypatch.setattr("benchmark.tracking.tracker.import_module", broken)
    with pytest.raises(UserError, match="--tracker wandb does not start: descriptors cannot be created"):
        trackers("wandb", tmp_path, "study")


def test_the_command_says_it_before_it_opens_anything(mtal, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, TRACKERS["mlflow"][0], raising=False)
    done = mtal("run", "--tracker", "mlflow", "--out", "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert '-m pip install "mlflow>=' in done.err
    assert not Path("out").exists()


def test_settings_become_one_name_each():
    assert flat({"a": 1, "b": {"c": [2], "d": {}}}) == {"a": 1, "b.c": [2], "b.d": {}}


def test_tensorboard_holds_every_round_once_however_often_it_is_sent(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (found,) = trackers("tensorboard", tmp_path, "study").values()
    send(found, ROUNDS[:1])
    send(found)
    events = EventAccumulator(str(tmp_path / "tensorboard" / PLACE)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("total/loss")] == [(40, 1.5), (80, 1.0)]
    text = events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert json.loads(text.removeprefix("```json").removesuffix("```")) == SETTINGS


@pytest.fixture(params=["sqlite:///{}/mlflow.db", "file://{}/mlruns"], ids=["sqlite", "files"])
def mlflow_store(request, tmp_path, monkeypatch):
    """A store of MLflow that needs no server."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(request.param.format(tmp_path))
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


def test_mlflow_holds_every_round_once_however_often_it_is_sent(mlflow_store, tmp_path):
    (found,) = trackers("mlflow", tmp_path, "study").values()
    send(found, ROUNDS[:1])
    send(found)
    experiment = mlflow_store.get_experiment_by_name("study")
    (run,) = mlflow_store.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("core:set, seed 0", "FINISHED")
    assert run.data.params == {
        "dataset": "rooms",
        "seed": "0",
        "recipe.iterations": "3",
        "recipe.augmentation": "{}",
    }
    for name, values in (("total/loss", [1.5, 1.0]), ("odd _task_/m", [0.25, 0.5])):
        history = mlflow_store.get_metric_history(run.info.run_id, name)
        assert [(one.step, one.value) for one in history] == list(zip([40, 80], values, strict=True))


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """The library, sending nothing."""
    library = pytest.importorskip("wandb")
    if not hasattr(library, "init"):
        pytest.skip("wandb is a folder here, no library")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    library.teardown()  # it reads its variables once
    yield library
    library.teardown()


def test_wandb_keeps_runs_offline_without_a_log_in(wandb, tmp_path):
    (found,) = trackers("wandb", tmp_path, "study").values()
    send(found)
    (file,) = tmp_path.glob(f"wandb/offline-run-*/run-{CURVE.id}.wandb")
    rows, run = records(file)
    assert [(row["_step"], row["labelled"], row["total/loss"]) for row in rows] == [
        (40, 40, 1.5),
        (80, 80, 1.0),
    ]
    assert (run.run_id, run.display_name, run.run_group) == (CURVE.id, CURVE.name, "study")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert {name: config[name] for name in SETTINGS} == SETTINGS


def test_wandb_does_not_get_what_it_has(wandb):
    from benchmark.tracking.wandb import Line

    class Run:
        starting_step = 41  # as a run says that is gone on with after 40
        logged = ()

        def log(self, values, step, commit):
            self.logged += (step,)

    line = Line(Run())
    for labelled, values in ROUNDS:
        line.round(labelled, values)
    assert line._run.logged == (80,)


def test_wandb_without_a_log_in_is_refused_at_once(wandb, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    wandb.teardown()
    with pytest.raises(UserError, match="wandb login"):
        trackers("wandb", tmp_path, "study")


def records(file):
    """The history and the run of an offline run: a log of LevelDB that holds protocol buffers."""
    from wandb.proto import wandb_internal_pb2

    rows, run = [], None
    for content in leveldb_log(file.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(content)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append(
                {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            )
        elif record.WhichOneof("record_type") == "run":
            run = record.run
    return rows, run


def leveldb_log(content, block=32768):
    """The records of a LevelDB log after W&B's own seven bytes; a record may go over several parts."""
    at, parts = 7, b""
    while at + 7 <= len(content):
        left = block - at % block
        if left < 7:
            at += left
            continue
        size, kind = struct.unpack("<4xHB", content[at : at + 7])
        parts += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""
