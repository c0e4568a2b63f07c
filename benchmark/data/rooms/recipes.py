"""What rooms there are and what they hold, by variant.

A recipe gives for every kind of thing the probabilities of a first, a second, ... copy.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from benchmark.data.rooms.draws import Draws

Variant = Literal["rooms", "rooms-longtail", "rooms-video"]
Copies = tuple[float, ...]


class Recipe(NamedTuple):
    """Probabilities of copies by kind, in order of placing; ranges of the room's sides in metres."""

    things: dict[str, Copies]
    sides: tuple[float, float] = (2.8, 5.5)
    #: Chairs around each table, at most.
    seats: int = 0
    #: Chance that something stands on a top surface.
    ware: float = 0.4
    doors: Copies = (0.6, 0.2)
    windows: Copies = (0.7, 0.3)
    pictures: Copies = (0.6, 0.4, 0.2)
    pendant: float = 0.2
    pillar: float = 0.1


_LIVING = Recipe(
    {
        "sofa": (0.95, 0.4),
        "low_table": (0.8,),
        "cabinet": (0.6,),
        "shelf": (0.5,),
        "chair": (0.4,),
        "floor_lamp": (0.6,),
        "plant": (0.6, 0.2),
        "clutter": (0.4, 0.3),
        "rug": (0.7,),
    },
    sides=(3.2, 5.2),
)
_BEDROOM = Recipe(
    {
        "bed": (1.0, 0.15),
        "cabinet": (0.9, 0.4),
        "chair": (0.4,),
        "floor_lamp": (0.4,),
        "plant": (0.3,),
        "clutter": (0.4, 0.3),
        "rug": (0.5,),
    },
    sides=(2.6, 4.2),
)
_DINING = Recipe(
    {"table": (1.0, 0.15), "cabinet": (0.7,), "plant": (0.4,), "clutter": (0.2,), "rug": (0.4,)},
    sides=(3.0, 4.8),
    seats=4,
    ware=0.7,
    pendant=0.6,
)
_STUDY = Recipe(
    {
        "table": (1.0, 0.4),
        "shelf": (0.8, 0.5),
        "cabinet": (0.4,),
        "floor_lamp": (0.3,),
        "plant": (0.3,),
        "clutter": (0.6, 0.3),
    },
    sides=(2.4, 4.0),
    seats=1,
    ware=0.8,
)
_STORAGE = Recipe(
    {
        "shelf": (0.8, 0.6),
        "cabinet": (0.6,),
        "table": (0.3,),
        "clutter": (1.0, 0.9, 0.9, 0.7, 0.6, 0.5, 0.4),
    },
    sides=(2.2, 3.6),
    ware=0.9,
    windows=(0.3,),
    pictures=(0.2,),
    pillar=0.3,
)
_HALL = Recipe(
    {"cabinet": (0.4,), "chair": (0.4,), "plant": (0.4,), "rug": (0.4,)},
    sides=(2.0, 4.2),
    ware=0.2,
    doors=(0.9, 0.6, 0.3),
    pictures=(0.7, 0.5, 0.3),
    pillar=0.25,
)
#: Room types of the mixed variant and of the video, with weights.
MIXED = ((_LIVING, 3.0), (_BEDROOM, 3.0), (_DINING, 2.5), (_STUDY, 2.0), (_STORAGE, 1.0), (_HALL, 1.2))

#: The head of the long tail: rooms much alike, with common things only.
_PLAIN_SITTING = Recipe({"sofa": (0.9,), "low_table": (0.7,), "cabinet": (0.6,)}, sides=(3.2, 4.4), ware=0.0)
_PLAIN_DINING = Recipe({"table": (1.0,), "cabinet": (0.6,)}, sides=(3.0, 4.2), seats=3, ware=0.0)
#: Its tail: what a few rooms hold besides.
RARE: tuple[dict[str, Copies], ...] = (
    {"bed": (1.0,)},
    {"plant": (1.0, 0.4)},
    {"floor_lamp": (1.0, 0.2)},
    {"clutter": (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)},
)
#: Chance of each of the rare additions, in a room of the long tail.
RARE_CHANCE = 0.05


def draw_recipe(variant: Variant, draws: Draws) -> Recipe:
    """The recipe of one scene."""
    return _longtail(draws) if variant == "rooms-longtail" else draws.pick_weighted(MIXED)


def _longtail(draws: Draws) -> Recipe:
    recipe = draws.pick((_PLAIN_SITTING, _PLAIN_DINING))._replace(pendant=0.0, pillar=0.0)
    for addition in RARE:
        if draws.chance(RARE_CHANCE):
            recipe = recipe._replace(things={**addition, **recipe.things})
            recipe = recipe._replace(ware=0.9) if "clutter" in addition else recipe
    return recipe
