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
def test_one_job_at_a_time_is_serial_and_more_are_ray(small_experiment, monkeypatch, name, wish, chosen):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4))
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
