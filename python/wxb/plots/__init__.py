"""Pictures of a training and of what a network does.

Every function writes one file, its suffix (png, svg, pdf) naming the format, and needs no display.
"""

from .charts import confusion, curves, decision_boundary, precision_recall, reliability, scatter
from .pictures import attention, detections, feature_maps, features, filters, mistakes, saliency, strips
from .steps import step
from .tiles import animation, tiles

__all__ = [
    "animation",
    "attention",
    "confusion",
    "curves",
    "decision_boundary",
    "detections",
    "feature_maps",
    "features",
    "filters",
    "mistakes",
    "precision_recall",
    "reliability",
    "saliency",
    "scatter",
    "step",
    "strips",
    "tiles",
]
