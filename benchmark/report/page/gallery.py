"""What was chosen, as pictures: the first images of every selection of one seed, as many as there is room."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from benchmark.records.round_store import Round, Store
from benchmark.records.selection_pictures import PICKS, Pick, picks_folder, read_picks
from benchmark.report.results.study import Study

#: Characters of the page around a choice, a picture and a score, on the safe side; and of an escaped sign.
CHOICE_MARKUP, MARKUP, SCORE_MARKUP, ESCAPED = 900, 300, 250, 5


@dataclass(frozen=True)
class Score:
    """A task's score of an image and the share of the images to choose from that scored lower, as text."""

    task: str
    score: str
    lower: str


@dataclass(frozen=True)
class Picture:
    """An image chosen: its place in the choice, pictures as data URIs."""

    place: int
    image_id: str
    image: str
    scores: Sequence[Score]
    maps: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Choice:
    """The first picks of one strategy in one round, which had so many labels and chose ``count`` images."""

    strategy: str
    number: int
    round: int
    labelled: int
    count: int
    #: By their place in the choice, from 1 on.
    picks: Mapping[int, Pick]

    @property
    def pictures(self) -> Iterator[Picture]:
        """The picks, ready to be shown."""
        return (_picture(place, pick) for place, pick in self.picks.items())

    @property
    def size(self) -> int:
        """About how many characters of a page they take."""
        pictures = sum(1 + len(pick.maps) for pick in self.picks.values())
        names = ESCAPED * len(self.strategy) * (1 + pictures)
        return CHOICE_MARKUP + names + sum(map(_size, self.picks.values()))


@dataclass(frozen=True)
class Gallery:
    """Choices by round, of one seed; ``note`` says what is left out, if anything."""

    seed: int | None
    rounds: Sequence[tuple[int, Sequence[Choice]]]
    note: str = ""


def choices(study: Study, dataset: str, numbers: Mapping[str, int]) -> tuple[int | None, list[Choice]]:
    """The lowest seed that has pictures, and its choices, by round and strategy; None without pictures."""
    rounds = [done for done in study.rounds_of(dataset) if done.selected and done.strategy in numbers]
    for seed in sorted({done.seed for done in rounds}):
        of_seed = sorted((r for r in rounds if r.seed == seed), key=lambda r: (r.round, r.strategy))
        found = [_choice(study, done, numbers[done.strategy]) for done in of_seed]
        if any(choice.picks for choice in found):
            return seed, [choice for choice in found if choice.picks]
    return None, []


def fitting(seed: int | None, found: Sequence[Choice], room: int) -> Gallery:
    """As many pictures as ``room`` characters hold, thinned evenly: fewer a choice, then fewer rounds."""
    for picks, every in _thinnings(len({choice.round for choice in found})):
        thin = _thinned(found, picks, every)
        if sum(choice.size for choice in thin) <= room:
            return Gallery(seed, _by_round(thin), _note(picks, every, found))
    return Gallery(seed, [], "The pictures do not fit into this page; they are in the results folder.")


def _choice(study: Study, done: Round, number: int) -> Choice:
    folders = [
        picks_folder(Store(source.folder).trajectory(done.dataset, done.strategy, done.seed), done.round)
        for source in study.sources_of(done.dataset)
    ]
    picks = next((found for found in map(read_picks, folders) if found), [])
    places = {image: place for place, image in enumerate(done.selected, start=1)}
    # A picture of an image that was not chosen was left by another run.
    chosen = {places[pick.image_id]: pick for pick in picks if pick.image_id in places}
    return Choice(done.strategy, number, done.round, done.size, len(done.selected), chosen)


def _thinnings(rounds: int) -> Iterator[tuple[int, int]]:
    """Pictures a choice, and of how many rounds one is kept: ever less."""
    yield from ((picks, 1) for picks in range(PICKS, 0, -1))
    every = 2
    while every < 2 * rounds:
        yield 1, every
        every *= 2


def _thinned(found: Sequence[Choice], picks: int, every: int) -> list[Choice]:
    kept = set(sorted({choice.round for choice in found})[::every])
    return [
        replace(choice, picks=dict(list(choice.picks.items())[:picks]))
        for choice in found
        if choice.round in kept
    ]


def _note(picks: int, every: int, found: Sequence[Choice]) -> str:
    most = max((len(choice.picks) for choice in found), default=0)
    if picks >= most and every == 1:
        return ""
    rounds = "" if every == 1 else f" of one round in {every}"
    return (
        f"To keep this page small it shows {picks} of up to {most} pictures a choice{rounds}; all are "
        "in the results folder."
    )


def _by_round(found: Sequence[Choice]) -> list[tuple[int, Sequence[Choice]]]:
    return [(number, list(group)) for number, group in groupby(found, key=lambda choice: choice.round)]


def _picture(place: int, pick: Pick) -> Picture:
    scores = [
        Score(task, f"{score:#.3g}".rstrip("."), f"{100 * lower:.0f} %")
        for task, (score, lower) in pick.scores.items()
    ]
    maps = [(task, _uri(content)) for task, content in pick.maps.items()]
    return Picture(place, pick.image_id, _uri(pick.image), scores, maps)


def _uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _size(pick: Pick) -> int:
    pictures = [pick.image, *pick.maps.values()]
    encoded = sum(-(-len(content) // 3) * 4 for content in pictures)
    names = [pick.image_id, pick.image_id, *pick.scores, *pick.maps, *pick.maps]
    markup = MARKUP * len(pictures) + SCORE_MARKUP * len(pick.scores)
    return encoded + markup + ESCAPED * sum(map(len, names))
