"""Hand-written networks from images (B, 3, H, W) to embeddings (B, D): one file per family.

A table of names, papers and variants is in this folder's README.md.
"""

from facerec.backbones.alexnet import AlexNet
from facerec.backbones.base import Backbone, StagedBackbone
from facerec.backbones.cifar_resnet import CifarPlainNet, CifarResNet
from facerec.backbones.convnext import ConvNeXt
from facerec.backbones.densenet import DenseNet
from facerec.backbones.efficientnet import EfficientNet
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.iresnet import IResNet
from facerec.backbones.lenet import LeNet
from facerec.backbones.mobilefacenet import MobileFaceNet
from facerec.backbones.mobilenet_v1 import MobileNetV1
from facerec.backbones.mobilenet_v2 import MobileNetV2
from facerec.backbones.nfnet import NFNet
from facerec.backbones.plainnet import PlainNet
from facerec.backbones.regnet import RegNet
from facerec.backbones.resnest import ResNeSt
from facerec.backbones.resnet import ResNet
from facerec.backbones.resnext import ResNeXt
from facerec.backbones.seresnet import SEResNet
from facerec.backbones.spherenet import SphereNet
from facerec.backbones.timm_backbone import TimmBackbone
from facerec.backbones.vgg import VGG

__all__ = [
    "VGG",
    "AlexNet",
    "Backbone",
    "CifarPlainNet",
    "CifarResNet",
    "ConvNeXt",
    "DenseNet",
    "EfficientNet",
    "EmbeddingHead",
    "IResNet",
    "LeNet",
    "MobileFaceNet",
    "MobileNetV1",
    "MobileNetV2",
    "NFNet",
    "PlainNet",
    "RegNet",
    "ResNeSt",
    "ResNeXt",
    "ResNet",
    "SEResNet",
    "SphereNet",
    "StagedBackbone",
    "TimmBackbone",
]
