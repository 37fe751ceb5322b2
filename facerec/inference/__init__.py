"""What a trained checkpoint is good for."""

from facerec.inference.embedder import Embedder

__all__ = ["Embedder"]
