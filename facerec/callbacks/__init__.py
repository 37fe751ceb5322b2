"""What a run computes, draws or keeps beside the training itself. Numbers and figures come from ``facerec.reports``."""

from facerec.callbacks.accuracy import DevAccuracy
from facerec.callbacks.alignment import AlignmentCheck
from facerec.callbacks.checkpoint import BestCheckpoint
from facerec.callbacks.clipping import AdaptiveGradientClipping
from facerec.callbacks.figures import VerificationFigures
from facerec.callbacks.folding import FoldedEvaluation
from facerec.callbacks.report import Report
from facerec.callbacks.seeding import StepSeed
from facerec.callbacks.throughput import Throughput
from facerec.callbacks.verification import Verification

__all__ = [
    "AdaptiveGradientClipping",
    "AlignmentCheck",
    "BestCheckpoint",
    "DevAccuracy",
    "FoldedEvaluation",
    "Report",
    "StepSeed",
    "Throughput",
    "Verification",
    "VerificationFigures",
]
