"""Self-training as one training for checkpoints: a teacher by labels alone, then a student by both."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from benchmark.training.checkpoint import Training

#: An iteration of the student counts as two of the teacher's: its batch has twice the images.
COUNTS = 2


class OfANetwork(Training, Protocol):
    """A training of a network."""

    @property
    def network(self) -> nn.Module:
        """Of which the state is the last iteration's."""


T = TypeVar("T", bound=OfANetwork)


@dataclass
class TwoTrainings(Generic[T]):
    """A teacher's training and, once it is done, a student's; ``studying`` says which one is under way.

    ``streams`` are torch's global ones as the student's next iteration begins with them.
    """

    teacher: T
    student: T
    streams: Mapping[str, torch.Tensor]
    studying: bool = False

    def state_dict(self) -> dict[str, Any]:
        """Of the training under way; of a teacher that is done the network alone is needed."""
        if not self.studying:
            return self.teacher.state_dict()
        return {"teacher": self.teacher.network.state_dict(), "student": self.student.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises what loading raises; the student then is as it was."""
        if "student" not in state:
            self.teacher.load_state_dict(state)
            return
        fresh = copy.deepcopy(self.student.state_dict())
        try:
            self.teacher.network.load_state_dict(state["teacher"])
            self.student.load_state_dict(state["student"])
            self.streams = state["student"]["streams"]
        except Exception:
            self.student.load_state_dict(fresh)
            raise
        self.studying = True
