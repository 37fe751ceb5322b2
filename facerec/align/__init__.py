"""Find faces and bring them to a template. This room knows pixels and points, and nothing of :mod:`facerec.data`.

``TEMPLATES`` holds the templates by name, ``<width>x<height>``.
"""

from facerec.align.acquisition import Acquisition, acquisition_of
from facerec.align.aligner import Aligner, NoFaceError
from facerec.align.detections import Detections, Detector, MissingDetectorError
from facerec.align.detectors import default_detector, make_detector
from facerec.align.landmarks import TEMPLATES, Template, find_template, similarity_transform
from facerec.align.record import Alignment, find_record
from facerec.align.warp import align_face, apply_similarity, center_crop

__all__ = [
    "TEMPLATES",
    "Acquisition",
    "Aligner",
    "Alignment",
    "Detections",
    "Detector",
    "MissingDetectorError",
    "NoFaceError",
    "Template",
    "acquisition_of",
    "align_face",
    "apply_similarity",
    "center_crop",
    "default_detector",
    "find_record",
    "find_template",
    "make_detector",
    "similarity_transform",
]
