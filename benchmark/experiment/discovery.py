"""What there is to name, made known to this process: once, and again at no cost."""

from __future__ import annotations


def discover_strategies() -> None:
    """Register the built-in strategies and those of installed packages."""
    import baselines  # noqa: F401 - registers the built-in strategies
    from strategies.registry import discover

    discover()
