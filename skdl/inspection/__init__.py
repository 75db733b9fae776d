"""Pictures of what was fitted, as displays in scikit-learn's manner: `from_...` computes and draws, `plot` draws again.

A display keeps what it has computed in attributes, and what it has drawn in `figure_` and `ax_` or `axes_`. Drawing
needs matplotlib: `pip install "skdl[plot]"`.
"""

from skdl.inspection._activations import ActivationDisplay
from skdl.inspection._ensemble import EnsembleDisplay
from skdl.inspection._graph import GraphDisplay
from skdl.inspection._landscape import LossLandscapeDisplay
from skdl.inspection._likelihood import LikelihoodDisplay
from skdl.inspection._range_test import LearningRateRange, LearningRateRangeDisplay, learning_rate_range
from skdl.inspection._reconstruction import ReconstructionDisplay
from skdl.inspection._sharpness import sharpness
from skdl.inspection._sweep import SweepDisplay
from skdl.inspection._training_curve import TrainingCurveDisplay
from skdl.inspection._verdict import Verdict, training_verdict
from skdl.inspection._weight_images import WeightImageDisplay

__all__ = [
    "ActivationDisplay",
    "EnsembleDisplay",
    "GraphDisplay",
    "LearningRateRange",
    "LearningRateRangeDisplay",
    "LikelihoodDisplay",
    "LossLandscapeDisplay",
    "ReconstructionDisplay",
    "SweepDisplay",
    "TrainingCurveDisplay",
    "Verdict",
    "WeightImageDisplay",
    "learning_rate_range",
    "sharpness",
    "training_verdict",
]
