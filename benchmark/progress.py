"""Progress: a bar on a terminal and in a notebook, plain lines elsewhere, silence when asked for."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

from benchmark.words import span


class Listener(Protocol):
    """Who is told of every step of a job that runs in this process."""

    def at_round(self, number: int) -> None:
        """A job begins a round."""

    def advance(self) -> None:
        """One iteration is done."""

    def skip(self, iterations: int) -> None:
        """So many iterations were done by an earlier process."""


class Progress:
    """Counts training iterations of a whole run, and says a line when something is finished."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.total = self.done = self._skipped = 0
        self.started = time.monotonic()
        self._bar: Any = None
        self._said_once = set[str]()
        self.live: Listener | None = None

    @property
    def _stream(self) -> TextIO:
        """A notebook shows what is written to stderr as an error."""
        return sys.stdout if in_notebook() else sys.stderr

    def begin(self, total: int) -> None:
        """Start counting towards ``total`` iterations."""
        self.total, self.started = total, time.monotonic()
        self.done = self._skipped = 0
        if (sys.stderr.isatty() or in_notebook()) and not self.quiet:
            # The mean pace and not the last seconds': evaluations and pool passes lie between the steps.
            self._bar = _bar_class()(total=total, smoothing=0, leave=False, file=self._stream, **_layout())

    def at_round(self, number: int) -> None:
        """A job begins a round."""
        if self.live is not None:
            self.live.at_round(number)

    def advance(self, _: int = 0) -> None:
        """One iteration is done."""
        self.reach(self.done + 1)
        if self.live is not None:
            self.live.advance()

    def skip(self, iterations: int) -> None:
        """So many iterations were done by an earlier process: they count as done, but not for the pace."""
        self.done += iterations
        self._skipped += iterations
        if self._bar is not None:
            for counter in ("initial", "n", "last_print_n"):
                setattr(self._bar, counter, getattr(self._bar, counter) + iterations)
        if self.live is not None:
            self.live.skip(iterations)

    def reach(self, done: int) -> None:
        """So many iterations of the whole run are done, here or elsewhere."""
        if self._bar is not None:
            self._bar.update(done - self.done)
        self.done = done

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)

    def say_once(self, line: str) -> None:
        """Print a line that holds for every training, at the first."""
        if line not in self._said_once:
            self._said_once.add(line)
            self.say(line)

    def finished(self, what: str) -> None:
        """Say what is finished, and without a bar how far the whole is."""
        if self._bar is not None or not self.done:
            self.say(what)
        else:
            self.say(f"[{100 * self.done / max(self.total, 1):3.0f}%, {self._left()}] {what}")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _left(self) -> str:
        here = max(self.done - self._skipped, 1)
        seconds = (time.monotonic() - self.started) * max(self.total - self.done, 0) / here
        return f"{span(seconds)} left"


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _has_widgets() -> bool:
    return in_notebook() and find_spec("ipywidgets") is not None


def _bar_class() -> Any:
    """A widget in a notebook that has them, text elsewhere."""
    if _has_widgets():
        from tqdm.notebook import tqdm as widget

        return widget
    from tqdm import tqdm

    return tqdm


def _layout() -> dict[str, Any]:
    bar = "{bar}" if _has_widgets() else "{bar:30}"
    return {"bar_format": f"{{percentage:3.0f}}% |{bar}| {{elapsed}} so far, {{remaining}} to go"}
