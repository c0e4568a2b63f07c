"""PASCAL-Context with human parts, and distilled normals and saliency, as the field packs it."""

from benchmark.data.pascal.dataset import PascalOptions, open_pascal

__all__ = ["PascalOptions", "open_pascal"]
