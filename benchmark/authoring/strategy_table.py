"""The table of strategies in the documentation, made from the registry.

``python -m benchmark.authoring.strategy_table`` (``make docs``) writes that of the built-in strategies into
docs/strategies.md. Every strategy measures made-up outputs for it, so this imports torch.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.authoring.listings import by_family
from benchmark.authoring.marked_parts import rewritten
from benchmark.authoring.strategy_needs import needs, passes
from strategies.parameters import as_text
from strategies.registry import Entry, Named, resolve

DOCS = Path(__file__).parents[2] / "docs" / "strategies.md"
MARK = "strategies: `make docs` writes this table"
HEAD = ("name", "family", "needs", "passes", "numbers", "parameters", "source")


def strategies_table() -> str:
    """All registered strategies as a Markdown table, and below it what its columns say."""
    rows = [HEAD, ("---",) * len(HEAD), *map(_row, by_family())]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", _legend()])


def _row(entry: Entry) -> tuple[str, ...]:
    named = resolve(entry.name)
    strategy = named.create()
    return (
        ", ".join(f"`{name}`" for name in (entry.name, *entry.short_names)),
        entry.family,
        ", ".join(needs(strategy)) or "nothing",
        str(passes(strategy)),
        str(_numbers(named) if passes(strategy) else 0),
        " ".join(f"`{p.name}={as_text(p.default)}`" for p in entry.parameters.values()),
        entry.source,
    )


def _numbers(named: Named) -> int:
    """Numbers that ``measure`` keeps of an image, of made-up outputs."""
    from strategies.contract import Probe

    return sum(rows[0].size for rows in Probe(named).pool().rows.values())


def _legend() -> str:
    from strategies.contract import made_up_outputs

    outputs = made_up_outputs()
    features = [maps.shape[1] for maps in outputs.backbone_features]
    of_task = next(iter(outputs.task_features.values())).shape[1]
    return (
        "Passes: of the network over every image of the pool, each round. Numbers: what is kept of an image, "
        f"here of made-up outputs for {len(outputs.tasks)} tasks, with {sum(features)} channels of backbone "
        f"features and {of_task} of features per task."
    )


def main() -> None:
    """Write the table of the built-in strategies into the documentation."""
    import baselines  # noqa: F401 - registers them; plug-ins stay out

    text = rewritten(DOCS.read_text(encoding="utf-8"), MARK, lambda _: strategies_table())
    DOCS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
