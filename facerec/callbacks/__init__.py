"""What a run computes, draws or keeps beside the training itself. Numbers and figures come from ``facerec.reports``.

The command line adds these callbacks to every run. From Python, give a trainer those that you want:

    >>> from functools import partial
    >>> import torch
    >>> from lightning.pytorch import Trainer
    >>> from facerec.backbones import ResNet
    >>> from facerec.data import FaceDataModule, ORLImages, ORLPairs
    >>> from facerec.losses import ArcFace
    >>> from facerec.recognizer import FaceRecognizer
    >>> size = (32, 32)
    >>> data = FaceDataModule(train=ORLImages("train"), val_pairs={"orl": ORLPairs("val")}, image_size=size)
    >>> model = FaceRecognizer(
    ...     ResNet(18, embedding_dim=16, width=8),
    ...     ArcFace(scale=16.0),
    ...     partial(torch.optim.SGD, lr=0.1),
    ...     num_classes=data.num_classes,
    ...     image_size=size,
    ... )
    >>> quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    >>> trainer = Trainer(
    ...     max_steps=1, callbacks=[Verification()], accelerator="cpu", enable_checkpointing=False, **quiet
    ... )
    >>> trainer.fit(model, datamodule=data)
    >>> 0.0 <= float(trainer.callback_metrics["val/orl/eer"]) <= 1.0
    True
"""

from facerec.callbacks.accuracy import DevAccuracy
from facerec.callbacks.alignment import AlignmentCheck
from facerec.callbacks.averages import WeightAverage
from facerec.callbacks.checkpoint import BestCheckpoint
from facerec.callbacks.clipping import AdaptiveGradientClipping
from facerec.callbacks.collapse import CollapseCheck
from facerec.callbacks.dashboard import Dashboard
from facerec.callbacks.figures import VerificationFigures
from facerec.callbacks.finite import FiniteSteps
from facerec.callbacks.folding import FoldedEvaluation
from facerec.callbacks.hard_classes import HardClassMining
from facerec.callbacks.hparams import HParams
from facerec.callbacks.interruption import Interruption
from facerec.callbacks.long_run import LongRunNotice
from facerec.callbacks.model_facts import ModelFacts
from facerec.callbacks.norms import Norms
from facerec.callbacks.progress import ProgressLog, RunProgress
from facerec.callbacks.report import Report
from facerec.callbacks.run_summary import RunSummary
from facerec.callbacks.seeding import StepSeed
from facerec.callbacks.surroundings import Surroundings
from facerec.callbacks.throughput import Throughput
from facerec.callbacks.verification import Verification

__all__ = [
    "AdaptiveGradientClipping",
    "AlignmentCheck",
    "BestCheckpoint",
    "CollapseCheck",
    "Dashboard",
    "DevAccuracy",
    "FiniteSteps",
    "FoldedEvaluation",
    "HParams",
    "HardClassMining",
    "Interruption",
    "LongRunNotice",
    "ModelFacts",
    "Norms",
    "ProgressLog",
    "Report",
    "RunProgress",
    "RunSummary",
    "StepSeed",
    "Surroundings",
    "Throughput",
    "Verification",
    "VerificationFigures",
    "WeightAverage",
]
