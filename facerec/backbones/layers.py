"""The pieces that several families share: stem, embedding head, stochastic depth.

Shapes: B batch, C channels, H height, W width, D embedding dimension.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Stem = Literal["paper", "face"]


def conv_bn(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """Same-padded convolution without bias, batch normalisation and, unless told otherwise, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def make_stem(stem: Stem, width: int) -> nn.Sequential:
    """The first layers of a residual network.

    ``paper`` is made for 224x224 (7x7 stride 2, then 3x3 max pooling stride 2: four times smaller). ``face`` is made
    for 112x112 and keeps the resolution (3x3 stride 1), as ArcFace does (Deng et al., CVPR 2019, section 3.1 and
    its code): a face of 112 pixels reaches the last stage as 14x14 rather than 4x4.

    Raises:
        ValueError: for any other name.
    """
    if stem == "paper":
        return nn.Sequential(*conv_bn(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))
    if stem == "face":
        return conv_bn(3, width, 3)
    raise ValueError(f"stem={stem!r}: choose 'paper' (7x7 stride 2 and max pooling) or 'face' (3x3 stride 1)")


class StochasticDepth(nn.Module):
    """Drops a residual branch, image by image, while training (Huang et al., ECCV 2016, arXiv:1603.09382).

    A kept branch is divided by its survival probability, so that evaluation needs no correction.
    """

    def __init__(self, drop_probability: float) -> None:
        super().__init__()
        if not 0.0 <= drop_probability < 1.0:
            raise ValueError(f"stochastic depth: probability {drop_probability} is outside [0, 1)")
        self.drop_probability = drop_probability

    def forward(self, branch_BCHW: Tensor) -> Tensor:
        """Return the branch, zeroed for a random part of the images while training."""
        if not self.training or self.drop_probability == 0.0:
            return branch_BCHW
        survival = 1.0 - self.drop_probability
        keep_B = torch.empty(len(branch_BCHW), device=branch_BCHW.device).bernoulli_(survival)
        return branch_BCHW * (keep_B / survival).to(branch_BCHW.dtype)[:, None, None, None]


class EmbeddingHead(nn.Sequential):
    """Global average pooling, dropout, a linear layer and batch normalisation: features (B, C, H, W) to (B, D)."""

    def __init__(self, channels: int, embedding_dim: int, dropout: float = 0.0) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels, embedding_dim, bias=False),
            nn.BatchNorm1d(embedding_dim),
        )
