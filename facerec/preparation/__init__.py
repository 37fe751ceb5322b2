"""What writes a set of images: aligned copies of a folder, packs, and lists that divide a folder of people."""

from facerec.preparation.aligning import AlignedFolder, align_folder
from facerec.preparation.packing import Packed, pack
from facerec.preparation.split_settings import SplitSettings
from facerec.preparation.splitting import Split, split
from facerec.preparation.ways import ByCentre, ByDetector, ByLandmarks, Way

__all__ = [
    "AlignedFolder",
    "ByCentre",
    "ByDetector",
    "ByLandmarks",
    "Packed",
    "Split",
    "SplitSettings",
    "Way",
    "align_folder",
    "pack",
    "split",
]
