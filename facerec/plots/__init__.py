"""Figures for a report, from runs and checkpoints: for print, with units and counts. ``facerec plot`` draws them.

They can be read in black and white: dashes, markers and hatches tell things apart, not colour alone.
"""

from facerec.plots.angles import Angles, angles_figure, angles_of, class_directions
from facerec.plots.calibration import calibration_figure
from facerec.plots.confusion import confusion_figure, most_confused, named_people
from facerec.plots.curves import Course, curves_figure, read_courses
from facerec.plots.faces import AlignedFace, Photograph, faces_figure
from facerec.plots.groups import groups_figure
from facerec.plots.look import Subject, look_figure
from facerec.plots.margins import margins_figure
from facerec.plots.people import EmbeddedImages, Network, draw_people, embed_people
from facerec.plots.plane import Plane, plane_figure
from facerec.plots.projection import pca_figure, tsne_figure
from facerec.plots.quality import quality_figure
from facerec.plots.similarity import similarity_figure
from facerec.plots.tested import cmc_figure, det_figure, roc_figure, scores_figure

__all__ = [
    "AlignedFace",
    "Angles",
    "Course",
    "EmbeddedImages",
    "Network",
    "Photograph",
    "Plane",
    "Subject",
    "angles_figure",
    "angles_of",
    "calibration_figure",
    "class_directions",
    "cmc_figure",
    "confusion_figure",
    "curves_figure",
    "det_figure",
    "draw_people",
    "embed_people",
    "faces_figure",
    "groups_figure",
    "look_figure",
    "margins_figure",
    "most_confused",
    "named_people",
    "pca_figure",
    "plane_figure",
    "quality_figure",
    "read_courses",
    "roc_figure",
    "scores_figure",
    "similarity_figure",
    "tsne_figure",
]
