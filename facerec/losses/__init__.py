"""Training objectives on embeddings (B, D); YAML names one by its class."""

from facerec.losses.adaptive import AdaFace, CurricularFace, SubCenterArcFace
from facerec.losses.base import ClassifierLoss, Loss
from facerec.losses.functional import Computation, Sharding, Synthesis
from facerec.losses.joint import Center, Joint, Ramp
from facerec.losses.margin import ArcFace, CombinedMargin, CosFace, NormFace
from facerec.losses.pairs import Contrastive, Histogram, NPair, SupCon, Triplet
from facerec.losses.shallow import DeepAndShallow
from facerec.losses.softmax import Softmax
from facerec.losses.sphereface import SphereFace
from facerec.losses.uce import UCE
from facerec.losses.unified import Circle, CircleClassifier

__all__ = [
    "UCE",
    "AdaFace",
    "ArcFace",
    "Center",
    "Circle",
    "CircleClassifier",
    "ClassifierLoss",
    "CombinedMargin",
    "Computation",
    "Contrastive",
    "CosFace",
    "CurricularFace",
    "DeepAndShallow",
    "Histogram",
    "Joint",
    "Loss",
    "NPair",
    "NormFace",
    "Ramp",
    "Sharding",
    "Softmax",
    "SphereFace",
    "SubCenterArcFace",
    "SupCon",
    "Synthesis",
    "Triplet",
]
