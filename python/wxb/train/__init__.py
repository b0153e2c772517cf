"""Training: the loop, what it measures and how sure that is, and the captured step."""

from .adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, AdversarialTrainer, CollapseWatch
from .calibration import Reliability, fit_temperature, reliability
from .callbacks import AverageWeights, Callback, Checkpoint, CSVLog, EarlyStopping, Lookahead, LRSchedule
from .capture import capture
from .detection import DetectionScores, average_precision
from .folds import CrossValidation, cross_validate
from .generation import class_balance, frechet_distance, nearest_neighbours
from .history import History
from .intervals import Estimate, bootstrap, proportion
from .metrics import METRICS
from .plan import Plan
from .trainer import LOSSES, Trainer
from .verdict import Verdict, judge

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
    "CrossValidation",
    "DetectionScores",
    "EarlyStopping",
    "Estimate",
    "History",
    "LRSchedule",
    "Lookahead",
    "Plan",
    "Reliability",
    "Trainer",
    "Verdict",
    "average_precision",
    "bootstrap",
    "capture",
    "class_balance",
    "cross_validate",
    "fit_temperature",
    "frechet_distance",
    "judge",
    "nearest_neighbours",
    "proportion",
    "reliability",
]
