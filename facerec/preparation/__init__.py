"""What writes a set of images: aligned copies of a folder, and packs. Both go on after an interruption."""

from facerec.preparation.aligning import AlignedFolder, align_folder
from facerec.preparation.packing import Packed, pack
from facerec.preparation.ways import ByCentre, ByDetector, ByLandmarks, Way

__all__ = ["AlignedFolder", "ByCentre", "ByDetector", "ByLandmarks", "Packed", "Way", "align_folder", "pack"]
