"""``python -m benchmark`` is ``mtal``."""

from benchmark.cli.main import main

main()
