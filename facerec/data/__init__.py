"""Sources of images and pairs, and the data module that makes batches of them."""

from facerec.data.bins import BinPairs, write_bin
from facerec.data.datamodule import FaceDataModule
from facerec.data.folders import FolderImages, UnlabelledImages
from facerec.data.images import UnreadableImageError, decode_image, read_image
from facerec.data.insightface import RecordImages, write_records
from facerec.data.landmarks import LandmarkImages, LandmarkPairs
from facerec.data.lfw import LFWPairs
from facerec.data.lists import ListImages, ListPairs
from facerec.data.packed import PackedImages, PackedPairs
from facerec.data.samples import ORLImages, ORLPairs
from facerec.data.sources import AllPairs, ImageSource, PairSource
from facerec.data.torchvision_sets import CIFAR10Images, MNISTImages

__all__ = [
    "AllPairs",
    "BinPairs",
    "CIFAR10Images",
    "FaceDataModule",
    "FolderImages",
    "ImageSource",
    "LFWPairs",
    "LandmarkImages",
    "LandmarkPairs",
    "ListImages",
    "ListPairs",
    "MNISTImages",
    "ORLImages",
    "ORLPairs",
    "PackedImages",
    "PackedPairs",
    "PairSource",
    "RecordImages",
    "UnlabelledImages",
    "UnreadableImageError",
    "decode_image",
    "read_image",
    "write_bin",
    "write_records",
]
