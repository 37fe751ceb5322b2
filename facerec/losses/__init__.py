"""Training objectives on embeddings (B, D): named in YAML by their class."""

from facerec.losses.base import ClassifierLoss, Loss
from facerec.losses.margin import ArcFace, Softmax

__all__ = ["ArcFace", "ClassifierLoss", "Loss", "Softmax"]
