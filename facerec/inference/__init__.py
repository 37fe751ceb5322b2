"""Uses of a trained checkpoint: embed, verify, enroll, identify, predict, export, share."""

from facerec.inference.embedder import Embedder
from facerec.inference.encoding import encode
from facerec.inference.gallery import Gallery
from facerec.inference.model import load_model
from facerec.inference.sharing import from_pretrained, save_pretrained

__all__ = ["Embedder", "Gallery", "encode", "from_pretrained", "load_model", "save_pretrained"]
