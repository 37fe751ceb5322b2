"""From pixels to what a backbone takes: preprocessing (always) and augmentation (training only)."""

from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix
from facerec.transforms.preprocess import Preprocess
from facerec.transforms.rand_augment import RandAugment

__all__ = ["Augment", "Mix", "Preprocess", "RandAugment"]
