# Part of mtal-benchmark.
"""What a strategy's author needs."""

from strategies.interface import (
    Companion,
    Known,
    LabelledCompanion,
    Outputs,
    Pool,
    Selection,
    Shapes,
    Strategy,
    TaskSpec,
)
from strategies.modifier import Modifier
from strategies.parameters import StrategyName, StrategyNames
from strategies.registry import register
from strategies.scoring import ScoreStrategy

__all__ = [
    "Companion",
    "Known",
    "LabelledCompanion",
    "Modifier",
    "Outputs",
    "Pool",
    "ScoreStrategy",
    "Selection",
    "Shapes",
    "Strategy",
    "StrategyName",
    "StrategyNames",
    "TaskSpec",
    "register",
]
