"""What a folder of faces holds: statistics, duplicates, leaks, and pictures of it."""

from facerec.inspection.duplicates import Match, find_matches
from facerec.inspection.examination import ImageFacts, examine
from facerec.inspection.hashing import fingerprint, near_pairs
from facerec.inspection.report import inspect_sets
from facerec.inspection.sets import named_sets

__all__ = ["ImageFacts", "Match", "examine", "find_matches", "fingerprint", "inspect_sets", "named_sets", "near_pairs"]
