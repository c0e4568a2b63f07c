"""The views of a batch as a strategy reads them: computed one at a time, and with nothing behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from strategies.interface import Outputs


class Views(Mapping[str, Outputs]):
    """The declared views of a batch. One is computed each time it is read, without gradient, and not kept.

    ``mean(entropy(views[name]) for name in views)`` holds one at a time. A loop that gives the outputs a name
    holds the last one while it computes the next. Raises KeyError for a view that was not declared.

    ``view`` computes one by its name. Let it be a function defined within another: what it is closed over, as
    the network, is no attribute of anything that a strategy is given.
    """

    def __init__(self, names: Sequence[str], view: Callable[[str], Outputs]) -> None:
        self._names, self._view = tuple(names), view

    @torch.no_grad()
    def __getitem__(self, name: str) -> Outputs:
        if name not in self._names:
            raise KeyError(f"the view {name!r} is not declared; declared: {', '.join(self._names) or 'none'}")
        return self._view(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # the inherited one would compute it

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
