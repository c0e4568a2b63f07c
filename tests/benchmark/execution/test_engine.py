"""The engine that an experiment gets, and the sentence where there is none for it."""

import socket
import sys
from importlib.util import find_spec

import pytest

from benchmark.errors import UserError
from benchmark.execution.engine import ENGINES, engine_for
from benchmark.execution.ray.session import address, nodes
from benchmark.execution.resources import Wish

NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`")


@pytest.fixture
def cores(monkeypatch, tmp_path):
    """Sets how many cores a machine of eight binds this process to, and their time that its group may use."""

    def has(bound, quota="max"):
        (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
        monkeypatch.setattr("benchmark.training.hardware.cores.GROUPS", tmp_path)
        monkeypatch.setattr("os.sched_getaffinity", lambda _: range(bound))
        monkeypatch.setattr("os.cpu_count", lambda: 8)

    return has


@pytest.mark.parametrize(
    ("bound", "quota", "usable"), [(4, "max", 4), (8, 250_000, 2), (3, 650_000, 3), (8, 50_000, 1)]
)
def test_this_machine_has_the_cores_that_may_be_used(cores, bound, quota, usable):
    cores(bound, quota)
    assert [node.cpus for node in nodes()] == [usable]


@NEEDS_RAY
@pytest.mark.parametrize(
    ("name", "wish", "chosen"),
    [
        (None, Wish(), "Serial"),
        (None, Wish(1), "Serial"),
        ("serial", Wish(1), "Serial"),
        (None, Wish(2), "RayEngine"),
        ("ray", Wish(1), "RayEngine"),
        ("ray", Wish(), "RayEngine"),
    ],
)
def test_one_job_at_a_time_is_serial_and_more_are_ray(small_experiment, cores, name, wish, chosen):
    cores(4)
    assert type(engine_for(small_experiment(), name, wish)).__name__ == chosen


@pytest.mark.parametrize(
    ("name", "wish", "words"),
    [
        ("rey", Wish(), "--engine: there is no engine 'rey'; there is: serial, ray, slurm."),
        ("serial", Wish(2), "--engine serial runs one job at a time"),
        ("serial", Wish(1, 2), "--engine serial runs one job at a time"),
    ],
)
def test_wrong_words_are_refused(small_experiment, name, wish, words):
    with pytest.raises(UserError) as error:
        engine_for(small_experiment(), name, wish)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("name", "package", "wish", "words"),
    [
        (None, "ray", Wish(2), '-m pip install "ray>=2.52" brings it.'),
        ("ray", "ray", Wish(), "need Ray"),
        (
            "slurm",
            "submitit",
            Wish(),
            '-m pip install "submitit>=1.5" brings it.',
        ),
    ],
)
def test_an_engine_that_is_not_installed_says_how_to_get_it(
    small_experiment, monkeypatch, name, package, wish, words
):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    with pytest.raises(UserError) as error:
        engine_for(small_experiment(), name, wish)
    assert words in str(error.value)


def test_engines_are_a_table():
    assert list(ENGINES) == ["serial", "ray", "slurm"]


@NEEDS_RAY
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere", "must be HOST:PORT of the cluster's head"),
        ("ray://head:10001", "must be HOST:PORT"),
        ("head:port", "must be HOST:PORT"),
        ("127.0.0.1:{free}", "no Ray cluster answers there"),
        ("127.0.0.1:99999", "no Ray cluster answers there"),
    ],
)
def test_a_cluster_that_does_not_answer_is_refused_at_once(monkeypatch, given, words):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", given.format(free=port))
    with pytest.raises(UserError, match=f"^RAY_ADDRESS=.*{words}"):
        nodes()


@pytest.mark.parametrize(("given", "meant"), [("", None), ("local", None), ("auto", "auto"), ("a:1", "a:1")])
def test_the_cluster_that_is_meant(monkeypatch, given, meant):
    monkeypatch.setenv("RAY_ADDRESS", given)
    assert address() == meant
