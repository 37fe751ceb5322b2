"""Sources of images and pairs, and the data module that makes batches of them."""

from facerec.data.datamodule import FaceDataModule
from facerec.data.folders import FolderImages
from facerec.data.images import UnreadableImageError, read_image
from facerec.data.landmarks import LandmarkImages, LandmarkPairs
from facerec.data.lists import ListImages, ListPairs
from facerec.data.samples import ORLImages, ORLPairs
from facerec.data.sources import AllPairs, ImageSource, PairSource

__all__ = [
    "AllPairs",
    "FaceDataModule",
    "FolderImages",
    "ImageSource",
    "LandmarkImages",
    "LandmarkPairs",
    "ListImages",
    "ListPairs",
    "ORLImages",
    "ORLPairs",
    "PairSource",
    "UnreadableImageError",
    "read_image",
]
