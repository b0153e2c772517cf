"""Training: the loop, what it measures, and the captured step."""

from .callbacks import AverageWeights, Callback, Checkpoint, CSVLog, EarlyStopping, Lookahead, LRSchedule
from .capture import capture
from .detection import DetectionScores, average_precision
from .history import History
from .metrics import METRICS
from .plan import Plan
from .trainer import LOSSES, Trainer

__all__ = [
    "LOSSES",
    "METRICS",
    "AverageWeights",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "DetectionScores",
    "EarlyStopping",
    "History",
    "LRSchedule",
    "Lookahead",
    "Plan",
    "Trainer",
    "average_precision",
    "capture",
]
