"""From pixels to what a backbone takes: preprocessing (always) and augmentation (training only)."""

from facerec.transforms.augment import Augment
from facerec.transforms.preprocess import Preprocess

__all__ = ["Augment", "Preprocess"]
