"""Pure functions on raw scores, and one class for torchmetrics."""

from facerec.metrics.calibration import CalibrateAt, Calibration, calibrate_threshold
from facerec.metrics.cllr import cllr, cllr_interval, min_cllr
from facerec.metrics.confidence import Intervals, bootstrap, bootstrap_interval
from facerec.metrics.curve import ErrorRates, Roc, TarAtFar, VerificationCurve
from facerec.metrics.discard import DiscardCurve, discard_curve, ideal_discard_curve, partial_area
from facerec.metrics.error_rate import ErrorRate, error_rate
from facerec.metrics.folds import SEED_GRID, FoldAccuracy, best_accuracy, kfold_accuracy
from facerec.metrics.gallery_search import GallerySearch, search_galleries
from facerec.metrics.identification import (
    TpirAtFpir,
    Trials,
    cumulative_match,
    gallery_templates,
    leave_one_out,
    search,
    tpir_at_fpir,
)
from facerec.metrics.identification_confidence import IdentificationIntervals, bootstrap_identification, bootstrap_mean
from facerec.metrics.identification_threshold import ThresholdSweep, sweep_thresholds
from facerec.metrics.inequity import garbe, gini, largest_over_smallest
from facerec.metrics.intervals import Interval
from facerec.metrics.likelihood import Likelihood, Sources, count_sources, fit_likelihood, log_likelihood_ratios
from facerec.metrics.paired import (
    Difference,
    McNemar,
    PairedDifferences,
    difference_between,
    mcnemar,
    paired_bootstrap,
    paired_bootstrap_over_folds,
)
from facerec.metrics.pooling import pool_templates
from facerec.metrics.reliability import RatioBin, reliability
from facerec.metrics.repeated import DrawnRates, FoldScores, MeanRate, draw_rates
from facerec.metrics.scores import ScoreKind, cosine_scores, normalise_scores, pair_scores
from facerec.metrics.streaming import VerificationMetric
from facerec.metrics.student import mean_interval
from facerec.metrics.verification import (
    Det,
    area_under_roc,
    det,
    equal_error_rate,
    error_rates_at,
    roc,
    tar_at_far,
)

__all__ = [
    "SEED_GRID",
    "CalibrateAt",
    "Calibration",
    "Det",
    "Difference",
    "DiscardCurve",
    "DrawnRates",
    "ErrorRate",
    "ErrorRates",
    "FoldAccuracy",
    "FoldScores",
    "GallerySearch",
    "IdentificationIntervals",
    "Interval",
    "Intervals",
    "Likelihood",
    "McNemar",
    "MeanRate",
    "PairedDifferences",
    "RatioBin",
    "Roc",
    "ScoreKind",
    "Sources",
    "TarAtFar",
    "ThresholdSweep",
    "TpirAtFpir",
    "Trials",
    "VerificationCurve",
    "VerificationMetric",
    "area_under_roc",
    "best_accuracy",
    "bootstrap",
    "bootstrap_identification",
    "bootstrap_interval",
    "bootstrap_mean",
    "calibrate_threshold",
    "cllr",
    "cllr_interval",
    "cosine_scores",
    "count_sources",
    "cumulative_match",
    "det",
    "difference_between",
    "discard_curve",
    "draw_rates",
    "equal_error_rate",
    "error_rate",
    "error_rates_at",
    "fit_likelihood",
    "gallery_templates",
    "garbe",
    "gini",
    "ideal_discard_curve",
    "kfold_accuracy",
    "largest_over_smallest",
    "leave_one_out",
    "log_likelihood_ratios",
    "mcnemar",
    "mean_interval",
    "min_cllr",
    "normalise_scores",
    "pair_scores",
    "paired_bootstrap",
    "paired_bootstrap_over_folds",
    "partial_area",
    "pool_templates",
    "reliability",
    "roc",
    "search",
    "search_galleries",
    "sweep_thresholds",
    "tar_at_far",
    "tpir_at_fpir",
]
