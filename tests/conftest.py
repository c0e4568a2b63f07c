"""Tests run single-threaded: these networks are tiny, and two threads on a busy machine are far slower."""

import hypothesis
import pytest
import torch

from strategies import registry

torch.set_num_threads(1)
hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is slow, not wrong
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    """Every test may register strategies and load files, and leaves nothing of that behind."""
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.setattr(registry, "_LOADED", set(registry._LOADED))
    monkeypatch.setattr(registry, "_BROKEN", dict(registry._BROKEN))
