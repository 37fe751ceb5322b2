"""The pieces that several families share, each written once.

Shapes: B batch, C channels, H height, W width.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Stem = Literal["paper", "face"]
STEMS: tuple[Stem, ...] = ("paper", "face")
Activation = Callable[[], nn.Module]

relu: Activation = partial(nn.ReLU, inplace=True)
relu6: Activation = partial(nn.ReLU6, inplace=True)
silu: Activation = partial(nn.SiLU, inplace=True)


class SmallestInput(NamedTuple):
    """Smallest height and width of the images that a network takes, and what to do about smaller ones.

    Example:
        >>> SmallestInput.with_stem("paper", paper=63, face=35).way_out
        "resize the images, or choose stem='face', which takes 35x35"
    """

    side: int
    way_out: str = "resize the images"

    @classmethod
    def with_stem(cls, stem: Stem, *, paper: int = 32, face: int = 16) -> "SmallestInput":
        """The size for a stem of a network that needs ``paper`` pixels with one and ``face`` with the other."""
        side, other, other_side = (paper, "face", face) if stem == "paper" else (face, "paper", paper)
        if side <= other_side:
            return cls(side)
        return cls(side, f"resize the images, or choose stem={other!r}, which takes {other_side}x{other_side}")


def round_channels(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of 8, but never below 90 % of the wish (the MobileNets' code)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    *,
    groups: int = 1,
    act: Activation | None = relu,
) -> nn.Sequential:
    """Same-padded convolution without bias, batch normalisation and, unless it is None, an activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if act is not None:
        layers.append(act())
    return nn.Sequential(*layers)


def make_stem(stem: Stem, width: int) -> nn.Sequential:
    """The first layers of a residual network.

    ``paper`` is made for 224x224: 7x7 with stride 2, then 3x3 max pooling with stride 2. ``face`` is made for 112x112
    and keeps the resolution: 3x3 with stride 1, as in ArcFace's code (Deng et al., CVPR 2019).
    """
    if stem == "paper":
        return nn.Sequential(*conv_norm_act(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))
    return conv_norm_act(3, width, 3)


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., CVPR 2018, arXiv:1709.01507, equations 2 to 4): x * sigmoid(W2 act(W1 mean(x)))."""

    def __init__(self, channels: int, squeezed: int, act: Activation = relu) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, squeezed)
        self.act = act()
        self.excite = nn.Linear(squeezed, channels)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scale each channel by a gate in (0, 1)."""
        gate_BC = torch.sigmoid(self.excite(self.act(self.squeeze(x_BCHW.mean((2, 3))))))
        return x_BCHW * gate_BC[:, :, None, None]


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of each position (B, C, H, W), as in ConvNeXt."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Normalise; the permutations only relabel, so channels_last input stays where it is."""
        return super().forward(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A learned gain per channel of the last axis (Touvron et al., ICCV 2021, arXiv:2103.17239, section 2)."""

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((channels,), initial))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (..., C)."""
        return x * self.gain


def he_initialise(module: nn.Module) -> None:
    """Convolutions normal by fan-out (He et al., ICCV 2015, arXiv:1502.01852, section 2.2, backward case), no bias."""
    if isinstance(module, nn.Conv2d):
        fan_out = module.out_channels * math.prod(module.kernel_size) / module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0) / math.sqrt(fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
