"""Procedural rooms, rendered on access with exact labels: a data set that needs no download."""

from benchmark.data.rooms.dataset import RoomsConfig, RoomsSplit, open_rooms
from benchmark.data.rooms.scene import CLASSES

__all__ = ["CLASSES", "RoomsConfig", "RoomsSplit", "open_rooms"]
