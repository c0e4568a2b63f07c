"""Progress that keeps what it is told."""

from benchmark.progress import Progress


class Told(Progress):
    """Its lines, and nothing printed."""

    def __init__(self, quiet=True):
        super().__init__(quiet=quiet)
        self.lines = []

    def say(self, line):
        self.lines.append(line)
