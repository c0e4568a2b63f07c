"""The built-in strategies: importing this package registers them all, the method included."""

from baselines import aggregations, core_set, entropy, learning_loss, random
from strategies import consistency_diversity

__all__ = ["aggregations", "consistency_diversity", "core_set", "entropy", "learning_loss", "random"]
