"""``python -m benchmark`` is ``mtal``."""

from mtal_benchmark import main

main()
