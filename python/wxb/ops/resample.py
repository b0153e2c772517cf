"""Resampling."""

__all__: list[str] = []
