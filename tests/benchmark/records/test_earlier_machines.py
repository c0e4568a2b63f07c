"""A folder that is gone on with elsewhere says with what its earlier rounds were computed."""

import json

from benchmark import run
from benchmark.records.environment import earlier_machines

NOW = {"device": "cpu", "revision": "b", "packages": {"torch": "2.15.0"}}
SMALL = {
    "data": {"pool": 6, "val": 2, "height": 16, "width": 16},
    "network": {"width": 4, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 2},
    "budgets": [2, 4],
    "strategies": ["random"],
    "full_data": False,
    "quiet": True,
}


def test_each_other_machine_is_named_once_and_the_present_one_never():
    first, second = NOW | {"revision": "a"}, NOW | {"packages": {"torch": "2.14.0"}}
    assert earlier_machines({}, NOW) == []
    assert earlier_machines(NOW | {"threads": 2}, NOW | {"threads": 1}) == []  # which changes no number
    assert earlier_machines(first, NOW) == [first]
    assert earlier_machines(second | {"earlier": [first]}, NOW) == [first, second]
    assert earlier_machines(first | {"earlier": [first, second]}, NOW) == [first, second]
    assert earlier_machines(first | {"earlier": [NOW]}, NOW) == [first]
    assert earlier_machines(first | {"earlier": "broken"}, NOW) == [first]


def test_a_run_keeps_what_the_rounds_before_it_were_computed_with(tmp_path):
    run(seeds=1, out=tmp_path / "out", **SMALL)
    file = tmp_path / "out" / "environment.json"
    present = json.loads(file.read_text())
    assert "earlier" not in present
    older = present | {"packages": present["packages"] | {"torch": "1.0"}}
    file.write_text(json.dumps(older))
    for seeds in (2, 3):
        study = run(seeds=seeds, out=tmp_path / "out", **SMALL)
        known = json.loads(file.read_text())
        assert known["packages"] == present["packages"]
        assert [each["packages"]["torch"] for each in known["earlier"]] == ["1.0"]
    study.report(out=tmp_path / "report")
    assert "- earlier rounds: torch 1.0\n" in (tmp_path / "report" / "tables" / "protocol.md").read_text()
