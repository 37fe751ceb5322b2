"""Gradients of narrow networks with the channels innermost, against float64 with the rows innermost.

Run in a process of its own, because oneDNN reads its environment once and its fault can abort the process:

    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python -m tests.backbones.narrow_gradients IMAGES
"""

import copy
import sys

import torch
from torch import Tensor, nn

from facerec.backbones import Backbone, ResNet
from facerec.losses import Softmax
from facerec.recognizer import FaceRecognizer

WIDTHS = range(2, 17)


class Foreign(Backbone):
    """A network of somebody else's: a strided 1x1 convolution behind a 3x3 one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding_dim = 2 * width
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 2 * width, 1, stride=2))

    def forward(self, images_BCHW: Tensor) -> Tensor:
        return self.layers(images_BCHW).mean((2, 3))


def trained_by_the_recognizer(width: int) -> nn.Module:
    return FaceRecognizer(Foreign(width), Softmax(), torch.optim.SGD, 4, image_size=(32, 32)).backbone


def trained_in_a_plain_loop(width: int) -> nn.Module:
    network = ResNet(18, 16, width)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)  # branches that start at zero have no gradient
    return network.to(memory_format=torch.channels_last)


def gradients(network: nn.Module, images: Tensor) -> list[Tensor]:
    embeddings = network(images)
    # A fixed direction: the mean square of a normalised embedding is constant, and has no gradient.
    direction = torch.linspace(-1, 1, embeddings.numel()).view_as(embeddings).to(embeddings)
    (embeddings * direction).sum().backward()
    return [parameter.grad.double() for parameter in network.parameters()]


def error(network: nn.Module, images: Tensor) -> float:
    """Largest relative error of a parameter's gradient."""
    exact = copy.deepcopy(network).double().to(memory_format=torch.contiguous_format)
    expected = gradients(exact, images.double())
    got = gradients(network, images.contiguous(memory_format=torch.channels_last))
    return max(float((a - b).norm() / b.norm()) for a, b in zip(got, expected, strict=True))


def main() -> None:
    torch.manual_seed(0)
    images = torch.randn(int(sys.argv[1]), 3, 32, 32)
    for make in (trained_by_the_recognizer, trained_in_a_plain_loop):
        for width in WIDTHS:
            found = error(make(width), images)
            print(f"{make.__name__}, width {width}: {found:.1e}", flush=True)
            assert found < 1e-3, f"{make.__name__}, width {width}: gradients are wrong"


if __name__ == "__main__":
    main()
