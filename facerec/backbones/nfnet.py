"""High-Performance Large-Scale Image Recognition Without Normalization (Brock et al., ICML 2021), https://arxiv.org/abs/2102.06171.

Figure 3, table 1 and section 5: no batch normalisation. Convolutions have standardised weights (equation 1). A residual
block is ``x + alpha * branch(x / beta)``, where beta is the standard deviation of the sum at initialisation
(section 3). Each branch starts at zero (SkipInit). The gain of GELU is folded into the convolution that follows it.
Train it with adaptive gradient clipping (section 4, equation 3).
"""

from functools import partial
from math import sqrt
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, SqueezeExcite, Stem
from facerec.backbones.stages import Stage, build_stages
from facerec.settings import require_choice

GELU_GAIN = 1.7015043497085571  # 1 / standard deviation of GELU(N(0, 1)) (Brock et al., ICLR 2021)
ALPHA = 0.2
ATTENTION_GAIN = 2.0
WIDTH_MULTIPLES = (1, 2, 6, 6)
DEPTHS = (1, 2, 6, 3)


class Size(NamedTuple):
    """Channels of the first stage, and of one group of the 3x3 convolutions."""

    width: int
    group_width: int


VARIANTS = {"F0": Size(256, 128), "small": Size(128, 64)}


class ScaledStdConv2d(nn.Conv2d):
    """Convolution whose filters have mean 0 and variance gain / fan-in (equation 1), times the gain of GELU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups)
        self.gain = nn.Parameter(torch.ones(out_channels))
        self.scale = GELU_GAIN / sqrt(self.weight[0].numel())

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Convolve with the standardised weight."""
        # Batch normalisation over the filters, seen as channels, standardises them in one fused kernel. It sees them in
        # the order in which they lie in memory: then nothing is copied, and gradients have the strides of the weights.
        is_channels_last = self.weight.stride(3) == self.weight.shape[1]
        in_memory = self.weight.permute(0, 2, 3, 1) if is_channels_last else self.weight
        filters = F.batch_norm(
            in_memory.flatten(1)[None], None, None, self.gain * self.scale, training=True, momentum=0.0, eps=1e-6
        ).view(in_memory.shape)
        weight = filters.permute(0, 3, 1, 2) if is_channels_last else filters
        return F.conv2d(x_BCHW, weight, self.bias, self.stride, self.padding, groups=self.groups)


class NFBlock(nn.Module):
    """Pre-activation bottleneck with two grouped 3x3 convolutions and channel attention (figure 3)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, group_width: int) -> None:
        super().__init__()
        inner = out_channels // 2
        groups = inner // group_width
        self.beta = 1.0  # set where the block's place in the network is known
        self.act = nn.GELU()
        self.shortcut: nn.Module | None = None
        if stride > 1 or in_channels != out_channels:
            pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, ScaledStdConv2d(in_channels, out_channels, 1))
        self.branch = nn.Sequential(
            ScaledStdConv2d(in_channels, inner, 1),
            nn.GELU(),
            ScaledStdConv2d(inner, inner, 3, stride, groups),
            nn.GELU(),
            ScaledStdConv2d(inner, inner, 3, 1, groups),
            nn.GELU(),
            ScaledStdConv2d(inner, out_channels, 1),
            SqueezeExcite(out_channels, out_channels // 2),
        )
        self.drop = drop
        self.skip_gain = nn.Parameter(torch.zeros(()))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Add the scaled residual; where the shape changes the shortcut starts from the activation."""
        activated = self.act(x_BCHW) * (1.0 / self.beta)
        shortcut = x_BCHW if self.shortcut is None else self.shortcut(activated)
        # The three scalars meet in one, so that the map is touched once.
        gain = self.skip_gain * (ALPHA * ATTENTION_GAIN)
        out_BCHW: Tensor = self.drop(self.branch(activated)) * gain
        out_BCHW += shortcut  # in place: one map less
        return out_BCHW


def nf_stem(stem: Stem, width: int) -> nn.Sequential:
    """Four 3x3 convolutions, as in the authors' code; the paper's first has stride 2, the last has it in both."""
    widths = (width // 8, width // 4, width // 2, width)
    strides = (2 if stem == "paper" else 1, 1, 1, 2)
    layers, channels = nn.Sequential(), 3
    for out_channels, stride in zip(widths, strides, strict=True):
        layers.extend([ScaledStdConv2d(channels, out_channels, 3, stride), nn.GELU()])
        channels = out_channels
    return layers[:-1]  # the blocks activate first


def nf_stages(size: Size, stochastic_depth: float) -> nn.Sequential:
    """Blocks, the last 1x1 convolution and its activation; the expected variance grows by alpha^2 a block."""
    block = partial(NFBlock, group_width=size.group_width)
    strides = (1, 2, 2, 2)
    table = zip(DEPTHS, WIDTH_MULTIPLES, strides, strict=True)
    rows = [Stage(depth, size.width * multiple, stride, block) for depth, multiple, stride in table]
    stages, variance = build_stages(size.width // 2, rows, stochastic_depth), 1.0
    for blocks in stages.children():
        for position, built in enumerate(blocks.children()):
            assert isinstance(built, NFBlock)
            built.beta = sqrt(variance)
            # A block that changes the shape starts the stage's variance anew.
            variance = (1.0 if position == 0 else variance) + ALPHA**2
    channels = rows[-1].channels
    return stages.append(nn.Sequential(ScaledStdConv2d(channels, 2 * channels, 1), nn.GELU()))


class NFNet(StagedBackbone):
    """Normaliser-free network: F0, and a small one of half its widths.

    Args:
        variant: ``F0`` (68 million parameters) or ``small`` (17 million).
        embedding_dim: length D of an embedding.
        stem: ``face`` has half the stride, for 112x112; ``paper`` is made for 192x192 and more.
        stochastic_depth: probability of dropping the last residual branch (the paper: 0.25).
        head: settings of the embedding head (the paper: a dropout of 0.2).

    Raises:
        ValueError: for a variant that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = NFNet("small", embedding_dim=16)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 17156916)
    """

    def __init__(
        self,
        variant: str = "F0",
        embedding_dim: int = 512,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, VARIANTS, variant=variant)
        require_choice(self, STEMS, stem=stem)
        size = VARIANTS[variant]
        super().__init__(
            nf_stem(stem, size.width // 2),
            nf_stages(size, stochastic_depth),
            channels=2 * size.width * WIDTH_MULTIPLES[-1],
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=initialise,
        )


def initialise(module: nn.Module) -> None:
    """Normal filters by fan-in (their scale is standardised away), zero biases."""
    if isinstance(module, ScaledStdConv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        assert module.bias is not None
        nn.init.zeros_(module.bias)
