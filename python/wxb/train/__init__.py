"""Training: the loop, what it measures, and the captured step."""

from .adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, AdversarialTrainer, CollapseWatch
from .callbacks import AverageWeights, Callback, Checkpoint, CSVLog, EarlyStopping, Lookahead, LRSchedule
from .capture import capture
from .detection import DetectionScores, average_precision
from .generation import class_balance, frechet_distance, nearest_neighbours
from .history import History
from .metrics import METRICS
from .plan import Plan
from .trainer import LOSSES, Trainer

__all__ = [
    "ADVERSARIAL_LOSSES",
    "LOSSES",
    "METRICS",
    "AdversarialLoss",
    "AdversarialTrainer",
    "AverageWeights",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "CollapseWatch",
    "DetectionScores",
    "EarlyStopping",
    "History",
    "LRSchedule",
    "Lookahead",
    "Plan",
    "Trainer",
    "average_precision",
    "capture",
    "class_balance",
    "frechet_distance",
    "nearest_neighbours",
]
