"""Files among results that are no files, hostile pictures, and rounds that are replayed."""

import json
import os
from dataclasses import asdict

import pytest
from hostile_results import (
    MANY,
    ROUND,
    first_round,
)
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers the built-in strategies
from baselines._stored_rounds import stored_round
from benchmark.records.heartbeat import STATUS
from benchmark.records.selection_pictures import LIST, Pick, picks_folder, read_picks, write_picks
from benchmark.records.status import status_table
from benchmark.report.results.study import read_study

pytestmark = pytest.mark.filterwarnings("ignore")
WAITING = ("experiment.yaml", "environment.json", "results.csv", "rooms/random/seed-0/round-00.json")
WAITING += (
    f"rooms/random/seed-0/{STATUS}",
    "rooms/random/seed-0/error.txt",
    f"rooms/random/seed-0/picks-00/{LIST}",
)


def as_pipe(path):
    os.mkfifo(path)


def as_folder(path):
    path.mkdir()


def as_device(path):
    path.symlink_to("/dev/zero")


def as_link_to_nothing(path):
    path.symlink_to(path.parent / "nothing")


def as_link_to_itself(path):
    path.symlink_to(path.name)


def as_terabyte(path):
    with path.open("wb") as stream:
        stream.truncate(2**40)


KINDS = [as_pipe, as_folder, as_device, as_link_to_nothing, as_link_to_itself, as_terabyte]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WAITING)
def test_what_is_no_plain_file_makes_nobody_wait(judged, folder, name, kind):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    kind(path)
    judged(lambda: read_study(folder), folder)
    judged(lambda: status_table(folder), folder)
    assert judged(lambda: read_picks(folder / "rooms/random/seed-0/picks-00"), folder) == []


#: What a replay has labelled when it looks for the round.
KNOWN = dict.fromkeys("ab", frozenset({"depth"}))
JPEG = b"\xff\xd8\xff" + bytes(20) + b"\xff\xd9"


@MANY
@given(st.data())
def test_pictures_of_any_content(judged, fuzz, folder, data):
    home = picks_folder(folder / "rooms/random/seed-0", 0)
    if not home.exists():
        write_picks(home, [Pick("c", JPEG, {"depth": (0.5, 0.1)}, {"depth": JPEG})])
    listed = {"format": 1, "picks": [{"image": "c", "scores": [["depth", 0.5, 0.1]], "maps": ["depth"]}]}
    (home / LIST).write_text(json.dumps(data.draw(fuzz.values(listed))))
    for pick in judged(lambda: read_picks(home), "") or ():
        assert all(content.startswith(b"\xff\xd8") for content in (pick.image, *pick.maps.values()))
        assert "".join([pick.image_id, *pick.scores, *pick.maps]).encode()


@MANY
@given(st.data())
def test_rounds_of_any_content_are_replayed_or_refused(judged, fuzz, folder, data):
    file = first_round(folder)
    file.write_text(json.dumps(data.draw(fuzz.values(json.loads(json.dumps(asdict(ROUND)))))))
    found = judged(lambda: stored_round(file.parent, KNOWN, ["depth"]), file.parent, refusal=ValueError)
    assert found is None or all(isinstance(image, str) for image in found.selected)


@pytest.mark.parametrize("kind", KINDS)
def test_replay_waits_for_no_pipe(judged, folder, kind):
    file = first_round(folder)
    file.unlink()
    kind(file)
    assert (
        judged(lambda: stored_round(file.parent, KNOWN, ["depth"]), file.parent, refusal=ValueError) is None
    )
