"""A small network with normalisation that has seen something, for tests that need no training."""

import torch
from torch import nn

from facerec.backbones import Backbone, ResNet
from facerec.checkpoints import ModelCard
from facerec.losses import Softmax
from facerec.recognizer import FaceRecognizer
from facerec.transforms.preprocess import PerChannel

SIZE = (32, 32)


def small_recognizer(
    flip_test: bool = False,
    backbone: Backbone | None = None,
    size: tuple[int, int] = SIZE,
    image_mean: PerChannel = 0.5,
    image_std: PerChannel = 0.5,
) -> FaceRecognizer:
    torch.manual_seed(0)
    backbone = backbone or ResNet(18, 16, 4)
    pixels = {"image_size": size, "image_mean": image_mean, "image_std": image_std}
    recognizer = FaceRecognizer(backbone, Softmax(), torch.optim.SGD, 4, **pixels, flip_test=flip_test)
    for module in backbone.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
    calibration = {"threshold": 0.5, "far": 0.1, "frr": 0.2}
    recognizer.card = ModelCard(identities=("ada", "ben", "cleo", "dan"), calibration=calibration)
    return recognizer
