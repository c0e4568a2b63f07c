"""The settings of a study, read from its folder, and as flat lists to be shown and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.untrusted_files import read_fields

EXPERIMENT = "experiment.yaml"


def experiment_of(folder: Path) -> dict[str, Any]:
    """The fields of a folder's ``experiment.yaml``; none where it has no such file. Raises UserError."""
    path = folder / EXPERIMENT
    if not path.exists():
        return {}
    content = read_fields(path)
    for name, kind, what in (("strategies", str, "names"), ("seeds", int, "whole numbers")):
        listed = content.get(name) or []
        if not isinstance(listed, list) or not all(type(each) is kind for each in listed):
            raise UserError(f"{path}: {name} must be a list of {what}, not {listed!r:.60}.")
    return content


def flattened(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by their dotted path; anything else, a list too, is a leaf."""
    if not isinstance(value, Mapping):
        return {path: value}
    parts = (flattened(inner, f"{path}.{name}".lstrip(".")) for name, inner in value.items())
    return {name: leaf for part in parts for name, leaf in part.items()}


def written(value: Any) -> str:
    """A leaf in words: no quotes, no brackets, nothing missing without saying so."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {written(leaf)}" for name, leaf in flattened(value).items())
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == "" else str(value)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """In words, what two mappings give different values; what only one of them gives says nothing."""
    own, others = flattened(one), flattened(other)
    for name, value in own.items():
        if name in others and value != others[name]:
            yield f"{name}: {written(value)} and {written(others[name])}"


def planned_budgets(experiment: Mapping[str, Any], pool: int, origin: str) -> list[int]:
    """Labelled images of every round as an experiment has them; none where it is not known.

    Raises UserError for budgets that no run would take.
    """
    from benchmark.experiment.config import budget_counts, parse_budget

    if not experiment.get("budgets"):
        return []
    try:
        return budget_counts([parse_budget(budget) for budget in experiment["budgets"]], pool, origin)
    except (ValueError, TypeError) as error:
        raise UserError(f"{origin}: {error}.") from None


def comparable(experiment: Mapping[str, Any], pool: int, origin: str) -> dict[str, Any]:
    """What decides the numbers of an experiment, with the defaults of fields that its file does not name.

    Empty for one that is not known. No plug-in that it names is executed: its code is in the environment.
    Raises UserError for an experiment that this version cannot read.
    """
    if not experiment:
        return {}
    parts: dict[str, Any] = {name: experiment.get(name) or {} for name in ("data", "task_weights", "tasks")}
    parts |= {name: _leaf(experiment.get(name)) for name in ("costs", "cost_columns")}
    parts["first_labels"] = experiment.get("first_labels") or "images"
    parts["network"] = _network(experiment.get("network") or {}, f"{origin}, network")
    parts["recipe"] = _recipe(experiment.get("recipe") or {}, f"{origin}, recipe")
    budgets = planned_budgets(experiment, pool, origin)
    return parts | ({"budgets": budgets} if budgets else {})


def _network(given: Any, origin: str) -> dict[str, Any]:
    """With defaults; plug-ins by name and weights as a file, for where these lie decides nothing."""
    from benchmark.experiment.config import NetworkConfig
    from benchmark.plugins import plain_name

    if not isinstance(given, Mapping):
        raise UserError(f"{origin}: must hold fields, not {given!r:.60}.")
    known = NetworkConfig.model_fields.items()
    defaults = {name: field.get_default(call_default_factory=True) for name, field in known}
    if unknown := set(given) - set(defaults):
        raise UserError(f"{origin}: there is no field {min(map(str, unknown))}.")
    fields: dict[str, Any] = {**defaults, **given}
    fields |= {part: plain_name(str(fields[part])) for part in ("name", "backbone")}
    fields |= {part: _leaf(fields[part]) for part in ("options", "backbone_options")}
    return fields | ({"pretrained": "a file"} if isinstance(fields["pretrained"], str) else {})


def _leaf(given: Any) -> str:
    """As one value, for a folder without any (prices, options) differs from one that has some."""
    return written(dict(sorted(given.items())) if isinstance(given, Mapping) and given else None)


def _recipe(given: Any, origin: str) -> dict[str, Any]:
    from pydantic import ValidationError

    from benchmark.experiment.recipe import Recipe
    from benchmark.experiment.validation import sentences

    try:
        return Recipe.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        raise UserError(sentences(error, origin, Recipe)) from None


def known_facts(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What decides numbers beside the experiment: data, tasks, weights from a file, code of the network."""
    network = flattened({"network": environment.get("network")})
    code = {name: leaf for name, leaf in network.items() if name.endswith(".code")}
    return {part: environment.get(part) for part in ("data", "tasks", "pretrained")} | code
