"""The exception classes of wxb; shapes, dtypes and indices raise Python's own."""

__all__ = ["CaptureError", "CudaError"]


class CaptureError(RuntimeError):
    """A captured step does something that a replay could not repeat."""


class CudaError(RuntimeError):
    """The GPU, its driver or CuPy refused; the message says what and why."""
