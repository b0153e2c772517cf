"""Weights on disk."""

from .weights import load, save, sha256

__all__ = ["load", "save", "sha256"]
