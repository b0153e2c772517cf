"""Rows of wxb.ops.resample."""

ROWS = []
