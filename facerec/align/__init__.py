"""Finding faces and bringing them to a template: pixels and points alone, nothing of :mod:`facerec.data`."""

from facerec.align.aligner import Aligner, NoFaceError
from facerec.align.detectors import Detections, Detector, MissingDetectorError, make_detector
from facerec.align.landmarks import TEMPLATES, Template, find_template, similarity_transform
from facerec.align.record import Alignment, find_record
from facerec.align.warp import align_face, center_crop, warp

__all__ = [
    "TEMPLATES",
    "Aligner",
    "Alignment",
    "Detections",
    "Detector",
    "MissingDetectorError",
    "NoFaceError",
    "Template",
    "align_face",
    "center_crop",
    "find_record",
    "find_template",
    "make_detector",
    "similarity_transform",
    "warp",
]
