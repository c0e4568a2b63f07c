"""Trainings that are stopped, for tests of checkpoints."""

import io

import torch

ALWAYS, NEVER = 1e-9, 1e9  # minutes: after every iteration; not within a test


class StoppedError(Exception):
    """What a kill is to a test in the same process."""


def stopping(at):
    """Progress that stops the training in this iteration, before it is kept."""

    def progress(done):
        if done == at:
            raise StoppedError

    return progress


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
