"""What a folder of faces holds: statistics, duplicates, leaks, and pictures of it."""

from facerec.inspection.duplicates import DuplicatePair, InspectedSet, find_duplicates
from facerec.inspection.examination import ImageFacts, examine
from facerec.inspection.hashing import near_pairs, perceptual_hash
from facerec.inspection.report import Inspection, inspect_sets
from facerec.inspection.sets import named_sets

__all__ = [
    "DuplicatePair",
    "ImageFacts",
    "InspectedSet",
    "Inspection",
    "examine",
    "find_duplicates",
    "inspect_sets",
    "named_sets",
    "near_pairs",
    "perceptual_hash",
]
