"""Uses of a trained checkpoint: embed, verify, enroll, identify, predict, export."""

from facerec.inference.embedder import Embedder
from facerec.inference.encoding import encode
from facerec.inference.gallery import Gallery
from facerec.inference.model import load_model

__all__ = ["Embedder", "Gallery", "encode", "load_model"]
