"""Sources of images and pairs, and the data module that makes batches of them."""

from facerec.data.all_pairs import AllPairs
from facerec.data.datamodule import FaceDataModule
from facerec.data.formats.aligned import LandmarkImages, LandmarkPairs
from facerec.data.formats.bfw import BFWPairs
from facerec.data.formats.bins import BinPairs, write_bin
from facerec.data.formats.calfw import CALFWPairs, CPLFWPairs
from facerec.data.formats.cfp import CFPPairs
from facerec.data.formats.cifar10 import CIFAR10Images
from facerec.data.formats.folders import FolderImages, UnlabelledImages
from facerec.data.formats.ijb import IJBPairs
from facerec.data.formats.insightface import RecordImages
from facerec.data.formats.insightface_writer import write_records
from facerec.data.formats.lfw import LFWPairs
from facerec.data.formats.lists import ListImages, ListPairs
from facerec.data.formats.mnist import MNISTImages
from facerec.data.formats.orl import ORLImages, ORLPairs
from facerec.data.formats.packed import PackedImages, PackedPairs
from facerec.data.formats.rfw import RFWPairs
from facerec.data.formats.rfw_aligned import AlignedRFWPairs
from facerec.data.formats.template_lists import TemplatePairs
from facerec.data.formats.tinyface import TinyFacePairs
from facerec.data.formats.xqlfw import XQLFWPairs
from facerec.data.images import UnreadableImageError, decode_image, read_image
from facerec.data.shallow import Shallow
from facerec.data.sources import ImageSource, PairSource, PeopleFold
from facerec.data.templates import Pooling, Templates

__all__ = [
    "AlignedRFWPairs",
    "AllPairs",
    "BFWPairs",
    "BinPairs",
    "CALFWPairs",
    "CFPPairs",
    "CIFAR10Images",
    "CPLFWPairs",
    "FaceDataModule",
    "FolderImages",
    "IJBPairs",
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
    "PeopleFold",
    "Pooling",
    "RFWPairs",
    "RecordImages",
    "Shallow",
    "TemplatePairs",
    "Templates",
    "TinyFacePairs",
    "UnlabelledImages",
    "UnreadableImageError",
    "XQLFWPairs",
    "decode_image",
    "read_image",
    "write_bin",
    "write_records",
]
