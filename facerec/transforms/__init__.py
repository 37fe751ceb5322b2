"""From pixels to the input of a backbone: preprocessing (always) and augmentation (in training)."""

from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix
from facerec.transforms.preprocess import Preprocess
from facerec.transforms.rand_augment import RandAugment
from facerec.transforms.torchvision_transforms import TorchvisionTransforms

__all__ = ["Augment", "Mix", "Preprocess", "RandAugment", "TorchvisionTransforms"]
