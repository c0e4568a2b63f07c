"""A change of any selection is seen in review: `make golden` writes the picks anew, the diff shows it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and the make target runs the same file
import golden

KEPT = json.loads(golden.PICKS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", golden.named())
def test_the_picks_are_those_that_were_kept(name):
    assert name in KEPT, "a new strategy: `make golden` keeps its picks"
    assert golden.picks(name) == KEPT[name], "if this change is meant, `make golden` keeps it"


def test_strategies_differ():
    """Or the pool would be too easy to show anything."""
    assert len({tuple(picked) for picked in KEPT.values()}) > 0.8 * len(KEPT)
