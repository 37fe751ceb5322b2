"""Hand-written networks from images (B, 3, H, W) to embeddings (B, D): one file per family."""

from facerec.backbones.base import Backbone
from facerec.backbones.resnet import ResNet

__all__ = ["Backbone", "ResNet"]
