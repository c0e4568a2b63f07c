"""Tests run single-threaded: these networks are tiny, and two threads on a busy machine are far slower."""

import torch

torch.set_num_threads(1)
