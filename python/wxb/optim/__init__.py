"""Optimizers, schedules of their learning rate, and clipping of gradients."""

from .adam import Adam, AdamW
from .average import ExponentialAverage
from .clip import clip_grad_norm
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .schedule import CosineSchedule, OneCycleSchedule, Schedule, StepSchedule, WarmupSchedule
from .sgd import SGD

__all__ = [
    "SGD", "Adam", "AdamW", "CosineSchedule", "ExponentialAverage", "OneCycleSchedule", "Optimizer", "RMSprop",
    "Schedule", "StepSchedule", "WarmupSchedule", "clip_grad_norm",
]  # fmt: skip
