"""Backbones: the built-in one, timm's, frozen ones, and by name."""
