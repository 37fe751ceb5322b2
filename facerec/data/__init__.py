"""Sources of images and pairs, and the data module that makes batches of them."""

from facerec.data.datamodule import FaceDataModule
from facerec.data.formats.bins import BinPairs, write_bin
from facerec.data.formats.folders import FolderImages, UnlabelledImages
from facerec.data.formats.insightface import RecordImages, write_records
from facerec.data.formats.landmarks import LandmarkImages, LandmarkPairs
from facerec.data.formats.lfw import LFWPairs
from facerec.data.formats.lists import ListImages, ListPairs
from facerec.data.formats.orl import ORLImages, ORLPairs
from facerec.data.formats.packed import PackedImages, PackedPairs
from facerec.data.formats.torchvision_sets import CIFAR10Images, MNISTImages
from facerec.data.images import UnreadableImageError, decode_image, read_image
from facerec.data.sources import AllPairs, ImageSource, PairSource

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
