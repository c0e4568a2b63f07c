"""Tests run single-threaded: these networks are tiny, and two threads on a busy machine are far slower."""

import gc
import os
from pathlib import Path

# Before anything reads it, for runs that name no threads, here and in processes that tests start. A run
# of two threads leaves torch with two for all tests after it in the process.
os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import pytest
import torch

from benchmark import plugins  # noqa: F401 - makes its registries
from strategies import registration

#: Folders with tests of many seconds: begun first, so that at the end no core waits for one of them alone.
LONG = {"torture", "cuda"}

torch.set_num_threads(1)
# A busy machine is slow, not wrong. The same examples every time: --hypothesis-profile=default has others.
hypothesis.settings.register_profile("any machine", deadline=None, derandomize=True)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


def pytest_collection_finish():
    """No look for garbage goes through libraries and thousands of tests again: they stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    """Every test may register what it likes and load files, and leaves nothing of that behind."""
    monkeypatch.setattr(registration, "_LOADED", set(registration._LOADED))
    for registry in registration.registries():
        monkeypatch.setattr(registry, "entries", dict(registry.entries))
        monkeypatch.setattr(registry, "broken", dict(registry.broken))


@pytest.fixture(autouse=True)
def without_gpus(request, monkeypatch):
    """No test computes on a GPU unless it is marked ``gpu``: elsewhere numbers and times are the CPU's."""
    if request.node.get_closest_marker("gpu") is None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What is kept between runs is this session's own: tests neither read nor fill the user's cache."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MTAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def realdata():
    """The folder of real images beside the project; tests that want it skip where it is not."""
    folder = Path(__file__).parents[2] / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip("the real images are not here: ../shared/realdata")
    return folder
