"""``python -m benchmark`` is ``mtal``."""

from benchmark.cli import main

main()
