"""What trained networks are to each other: functions of their weights, or of their answers. Needs torch only."""

from .bent import Bent, Kind, bend_
from .connecting import connect
from .correlation import Correlation, weight_correlation
from .curve import Curve, alphas, barrier
from .decay import Decay, decay
from .distances import Measure, distance, distance_matrix
from .embedding import embed
from .evaluation import Evaluation, evaluate, outputs
from .forward import Batches
from .gradient_flow import GradientNorm, gradient_norm
from .hessian import Spectrum, hessian, spectrum
from .interpolation import interpolate_
from .lanczos import approximate_spectrum, top_eigenvalues
from .latency import Timing, compared, latency, processor
from .path import along, evaluate_by, on_path
from .planes import Plane, place_, plane_through
from .signal import logit_deviation
from .similarity import disagreement, ensemble_accuracy, loss_distance, output_distance
from .sparse_kernel import sparse_layers, with_sparse_kernels
from .states import Weights
from .statistics import Statistics, batch_statistics, estimate_

__all__ = [
    "Batches",
    "Bent",
    "Correlation",
    "Curve",
    "Decay",
    "Evaluation",
    "GradientNorm",
    "Kind",
    "Measure",
    "Plane",
    "Spectrum",
    "Statistics",
    "Timing",
    "Weights",
    "along",
    "alphas",
    "approximate_spectrum",
    "barrier",
    "batch_statistics",
    "bend_",
    "compared",
    "connect",
    "decay",
    "disagreement",
    "distance",
    "distance_matrix",
    "embed",
    "ensemble_accuracy",
    "estimate_",
    "evaluate",
    "evaluate_by",
    "gradient_norm",
    "hessian",
    "interpolate_",
    "latency",
    "logit_deviation",
    "loss_distance",
    "on_path",
    "output_distance",
    "outputs",
    "place_",
    "plane_through",
    "processor",
    "sparse_layers",
    "spectrum",
    "top_eigenvalues",
    "weight_correlation",
    "with_sparse_kernels",
]
