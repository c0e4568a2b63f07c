"""Selection for diversity: pure functions on arrays, exact and in little memory."""

from strategies.k_center import k_center_greedy, nearest_distance

__all__ = ["k_center_greedy", "nearest_distance"]
