"""Tests run single-threaded: these networks are tiny, and two threads on a busy machine are far slower."""

import hypothesis
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is slow, not wrong
hypothesis.settings.load_profile("any machine")
