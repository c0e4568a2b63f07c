"""Strategies given as classes and functions; code that has no file is known by its text and what it uses."""

import inspect
import linecache

import pytest

import baselines  # noqa: F401 - registers the built-in strategies
from strategies import Selection, Strategy, register
from strategies.registry import RegistryError, entries, resolve
from strategies.unregistered import known_here_alone, name_of

CELL = """
import math
POWER = 2
NOTES = [object()]

def weighted(x):
    return x ** POWER

class Base:
    share = 1

def least_sure(outputs):
    "Words."
    return {"a": weighted(math.pi)}

class TakesFirst(Strategy):
    views = ()
    def select(self, pool, budget):
        return Selection(pool.unlabelled[:Base().share])
"""


@pytest.fixture
def session():
    """Runs cells as a notebook does: names stay, the text is kept, there is no file."""
    names, count = {"__name__": "mtal_test_session", "Strategy": Strategy, "Selection": Selection}, 0
    names["register"] = register

    def run(code):
        nonlocal count
        count += 1
        place = f"<mtal test cell {count}>"
        linecache.cache[place] = (len(code), None, code.splitlines(keepends=True), place)
        exec(compile(code, place, "exec"), names)
        return names

    return run


def code_of(thing):
    return resolve(name_of(thing)).digests


def test_names_are_the_words_of_their_own(session):
    names = session(CELL)
    assert name_of(names["least_sure"]) == "least-sure"
    assert name_of(names["TakesFirst"]) == "takes-first"
    assert name_of(names["least_sure"]) == "least-sure", "given again, it is the same"
    assert resolve("takes-first").create().select


def test_a_registered_strategy_keeps_its_name():
    @register("mtal-test-own", source="test")
    def something(outputs):
        return outputs

    assert name_of(something) == "mtal-test-own"
    assert "something" not in entries()


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("math.pi", "math.e", True),
        ("x ** POWER", "x + POWER", True),
        ("POWER = 2", "POWER = 3", True),
        ('"Words."', '"Other words."', False),
        ("return {", "return  {  # a comment\n        ", False),
        ("NOTES = [object()]", "NOTES = 5", False),
    ],
)
def test_a_function_is_known_by_its_code_and_what_it_uses_of_the_session(session, old, new, changes):
    before = code_of(session(CELL)["least_sure"])
    assert None not in before
    after = code_of(session(CELL.replace(old, new))["least_sure"])
    assert (before != after) == changes


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("views = ()", "views = ('flip',)", True),
        ("[:Base", "[1:Base", True),
        ("share = 1", "share = 2", True),
        ("POWER = 2", "POWER = 3", False),
    ],
)
def test_a_class_is_known_by_its_code_and_what_it_uses_of_the_session(session, old, new, changes):
    before = code_of(session(CELL)["TakesFirst"])
    assert None not in before
    assert (before != code_of(session(CELL.replace(old, new))["TakesFirst"])) == changes


def test_a_helper_in_a_cell_of_its_own_counts_though_the_strategy_is_not_defined_again(session):
    names = session(CELL)
    before = code_of(names["least_sure"])
    session("def weighted(x):\n    return -x\n")
    assert code_of(names["least_sure"]) != before


def test_what_a_function_closes_over_counts(session):
    cell = "def made(power):\n    def closed(outputs):\n        return power\n    return closed\n"
    names = session(cell)
    assert code_of(names["made"](2)) != code_of(names["made"](3))


def test_a_cell_with_register_may_be_run_again(session):
    cell = "@register('mtal-test-again', source='test')\ndef again(outputs):\n    return 1\n"
    session(cell)
    before = resolve("mtal-test-again").digests
    session(cell.replace("return 1", "return 2"))
    assert resolve("mtal-test-again").digests != before
    with pytest.raises(RegistryError, match="is taken"):
        session(cell.replace("def again", "def other"))


def test_the_name_of_another_strategy_is_not_taken_over(session):
    with pytest.raises(RegistryError, match="'constant' is taken"):
        name_of(session("def constant(outputs):\n    return 1\n")["constant"])


@pytest.mark.parametrize("thing", [lambda outputs: 1, 5, inspect])
def test_what_can_be_no_strategy_is_refused(thing):
    with pytest.raises(RegistryError, match=r"no name to go by|must be a function or a class"):
        name_of(thing)


def test_code_that_nothing_keeps_is_refused_with_what_to_do():
    names = {"__name__": "mtal_test_session"}
    exec("def lost(outputs):\n    return 1\n", names)
    with pytest.raises(RegistryError, match="'lost': its code cannot be read here; put it in a file"):
        name_of(names["lost"])


def test_other_processes_know_what_is_built_in_and_what_files_hold(session, tmp_path):
    name_of(session(CELL)["least_sure"])
    file = tmp_path / "mine.py"
    file.write_text("from strategies import register\n@register('mine', source='x')\ndef f(o): return 1\n")
    names = ["entropy", "power[base=margin]", f"{file}:mine", "least-sure", "power[base=least-sure]"]
    assert known_here_alone(names) == ["least-sure", "power[base=least-sure]"]
