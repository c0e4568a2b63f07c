"""What a strategy's author needs."""

from strategies.interface import Companion, Outputs, Pool, Selection, Shapes, Strategy, TaskSpec
from strategies.registry import register
from strategies.scoring import ScoreStrategy

__all__ = [
    "Companion",
    "Outputs",
    "Pool",
    "ScoreStrategy",
    "Selection",
    "Shapes",
    "Strategy",
    "TaskSpec",
    "register",
]
