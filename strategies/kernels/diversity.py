"""Selection for diversity: pure functions on arrays, exact and in little memory."""

from strategies.kernels.distributed_k_center import distributed_k_center
from strategies.kernels.facility_location import facility_location
from strategies.kernels.k_center import k_center_greedy, nearest_distance
from strategies.kernels.k_center_of_sets import k_center_of_sets
from strategies.kernels.k_means_plus_plus import k_means_plus_plus
from strategies.kernels.lloyd import k_means
from strategies.kernels.neighbours import nearest_neighbours

__all__ = [
    "distributed_k_center",
    "facility_location",
    "k_center_greedy",
    "k_center_of_sets",
    "k_means",
    "k_means_plus_plus",
    "nearest_distance",
    "nearest_neighbours",
]
