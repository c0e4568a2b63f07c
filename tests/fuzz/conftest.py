"""What all fuzzing shares: mutants of sound bytes and values, and the judgement of a reader.

By default every property sees some cases; ``make fuzz`` shows it thousands.
"""

import copy
import json
import math
import os
import signal
from contextlib import contextmanager

import hypothesis
import pytest
import yaml
from hostile_results import ENVIRONMENT, EXPERIMENT, rounds
from hypothesis import HealthCheck
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.records.round_store import Store

hypothesis.settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

CPU_SECONDS, SECONDS = 5, 60  # of a case: what it may compute, and on a busy machine wait
LONGEST = 1200  # characters of a sentence, with the paths of two files in it
#: What nobody expects in a field. JSON and YAML both can say all of it.
NASTY = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**400), 0.5, -0.5, 1e308,
    math.nan, math.inf, -math.inf, "", " ", "x", "1", "nan", "../../escaped", "/etc/passwd", "~",
    "<script>alert(1)</script>", "a\nb", "a,b", "a[b", "\x1b]0;owned\x07", "\ud800", "\u202e", "ä 😀 é",
    "\x00", "x" * 5000, "[" * 400, "a.py:b", "%s{}",
    [], {}, [[]], [None], [{}], {"": ""}, {"a": [1]}, ["../x"], [math.nan], [0] * 50, [["a"]],
    {"x": {"y": {"z": 1}}},
)  # fmt: skip


def nested(depth):
    """A list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


def places(value, path=()):
    """The paths of all values inside a tree of dictionaries and lists."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def mutated_values(draw, sound):
    """A tree of dictionaries and lists: one to three values are replaced, left out, nested or swapped."""
    tree = {"root": copy.deepcopy(sound)}
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in places(tree) if path]
        *parents, last = draw(st.sampled_from(paths))
        home = tree
        for key in parents:
            home = home[key]
        change = draw(st.sampled_from(["replace", "replace", "replace", "leave out", "nest", "swap"]))
        if change == "leave out" and parents:
            del home[last]
        elif change == "nest":
            home[last] = nested(draw(st.sampled_from([3, 60, 400])))
        elif change == "swap":
            others = list(home) if isinstance(home, dict) else list(range(len(home)))
            other = draw(st.sampled_from(others))
            home[last], home[other] = home[other], home[last]
        else:
            home[last] = copy.deepcopy(draw(st.sampled_from(NASTY)))
    return tree["root"]


def _overwritten(draw, content, at):
    number = draw(
        st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\1\0", b"\x7f" * 4])
    )
    return content[:at] + number + content[at + 4 :]


def _flipped(draw, content, at):
    return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]


def _inserted(draw, content, at):
    return content[:at] + draw(st.binary(min_size=1, max_size=8)) + content[at:]


def _doubled(draw, content, at):
    block = content[at : at + draw(st.sampled_from([1, 4, 16, 128]))]
    return content[:at] + block * draw(st.integers(2, 5)) + content[at + len(block) :]


def _removed(draw, content, at):
    return content[:at] + content[at + draw(st.sampled_from([1, 4, 16, 128])) :]


def _swapped(draw, content, at):
    size = draw(st.sampled_from([2, 4, 8, 32]))
    other = draw(st.integers(0, len(content) - 1))
    low, high = sorted((at, other))
    first, second = content[low : low + size], content[high : high + size]
    if high < low + size:
        return content
    return content[:low] + second + content[low + size : high] + first + content[high + size :]


def _cut(draw, content, at):
    return content[:at]


CHANGES = (_overwritten, _overwritten, _flipped, _flipped, _inserted, _doubled, _removed, _swapped, _cut)


@st.composite
def mutated_bytes(draw, whole, head=256):
    """Sound bytes with one to four changes, half of them in the ``head``, where formats say what follows."""
    content = whole
    for _ in range(draw(st.integers(1, 4))):
        if content:
            last = len(content) - 1
            at = draw(st.integers(0, min(head, last)) | st.integers(0, last))
            content = draw(st.sampled_from(CHANGES))(draw, content, at)
    return content


def _too_long(number, frame):
    raise TimeoutError(f"a case took more than {CPU_SECONDS} s of computing, or {SECONDS} s in all")


@contextmanager
def within_bounds():
    """Ends what computes or waits too long."""
    before = {each: signal.signal(each, _too_long) for each in (signal.SIGALRM, signal.SIGPROF)}
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for each, handler in before.items():
            signal.signal(each, handler)


def check_sentences(text, names):
    """Short and plain, naming the file or field; where all mistakes are told at once, one a line."""
    assert any(name in text for name in names), f"{text[:300]!r} names none of {names}"
    for line in text.split("\n"):
        assert len(line) <= LONGEST, f"{len(line)} characters: {line[:200]!r}"
        assert line.strip(), "an empty line"


@pytest.fixture(scope="session")
def judged():
    """Calls a reader: its value, or None where it refuses in a sentence; anything else is a fault."""

    def judge(read, *names, refusal=UserError):
        try:
            with within_bounds():
                return read()
        except refusal as error:
            check_sentences(str(error), list(map(str, names)))
            return None

    return judge


@pytest.fixture(scope="session")
def fuzz():
    """The mutators."""

    class Fuzz:
        bytes = staticmethod(mutated_bytes)
        values = staticmethod(mutated_values)
        nasty = NASTY

    return Fuzz


class Code:
    """Pickled, it makes a file of this name as soon as anybody unpickles it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def canary(tmp_path):
    """An object that betrays whoever unpickles it; the test fails if anybody did."""
    path = tmp_path / "canary"
    code = Code(path)
    yield code
    assert not path.exists(), "code was run"


@pytest.fixture
def folder(tmp_path):
    """Sound results, in a folder beside which nothing may appear."""
    root = tmp_path / "results ä"
    for done in rounds():
        Store(root).write(done)
    Store(root).write_results()
    (root / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    (root / "environment.json").write_text(json.dumps(ENVIRONMENT))
    yield root
    assert {path.name for path in tmp_path.iterdir()} == {root.name}
