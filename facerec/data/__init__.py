"""Sources of images and pairs, and the data module that makes batches of them."""

from facerec.data.datamodule import FaceDataModule
from facerec.data.folders import FolderImages
from facerec.data.images import UnreadableImageError, read_image
from facerec.data.lists import ListImages, ListPairs
from facerec.data.packed import PackedImages, PackedPairs
from facerec.data.samples import ORLImages, ORLPairs
from facerec.data.sources import AllPairs, ImageSource, PairSource

__all__ = [
    "AllPairs",
    "FaceDataModule",
    "FolderImages",
    "ImageSource",
    "ListImages",
    "ListPairs",
    "ORLImages",
    "ORLPairs",
    "PackedImages",
    "PackedPairs",
    "PairSource",
    "UnreadableImageError",
    "read_image",
]
