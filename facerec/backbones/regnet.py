"""Designing Network Design Spaces (Radosavovic et al., CVPR 2020), https://arxiv.org/abs/2003.13678.

Equations 2 to 4: the widths of all blocks are a line, rounded to powers of ``growth`` and to multiples of 8. Blocks of
one width make a stage. The block of X is ResNeXt's with a bottleneck ratio of 1. Y adds squeeze-and-excitation.
"""

from functools import partial
from itertools import groupby
from math import log
from typing import NamedTuple

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, SqueezeExcite, Stem, conv_norm_act, relu
from facerec.backbones.stages import ResidualBlock, Stage, build_stages, projection, residual_initialise
from facerec.settings import require_choice

STEM_WIDTH = 32


class Line(NamedTuple):
    """The parameters of a network: number of blocks, w_0, w_a, w_m and the width of a group."""

    depth: int
    initial_width: int
    slope: float
    growth: float
    group_width: int


VARIANTS = {
    "X_200MF": Line(13, 24, 36.44, 2.49, 8),
    "X_400MF": Line(22, 24, 24.48, 2.54, 16),
    "X_600MF": Line(16, 48, 36.97, 2.24, 24),
    "X_800MF": Line(16, 56, 35.73, 2.28, 16),
    "X_1.6GF": Line(18, 80, 34.01, 2.25, 24),
    "X_3.2GF": Line(25, 88, 26.31, 2.25, 48),
    "Y_200MF": Line(13, 24, 36.44, 2.49, 8),
    "Y_400MF": Line(16, 48, 27.89, 2.09, 8),
    "Y_600MF": Line(15, 48, 32.54, 2.32, 16),
    "Y_800MF": Line(14, 56, 38.84, 2.40, 16),
    "Y_1.6GF": Line(27, 48, 20.71, 2.65, 24),
    "Y_3.2GF": Line(21, 80, 42.63, 2.66, 24),
}


def block_widths(line: Line) -> list[int]:
    """Width of every block (equations 2 to 4), a multiple of the group width."""
    widths = []
    for block in range(line.depth):
        wish = line.initial_width + line.slope * block
        power = round(log(wish / line.initial_width) / log(line.growth))
        quantised = round(line.initial_width * line.growth**power / 8) * 8
        group_width = min(line.group_width, quantised)
        widths.append(round(quantised / group_width) * group_width)
    return widths


def regnet_block(
    in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, group_width: int, attention: bool
) -> ResidualBlock:
    """1x1, grouped 3x3, squeeze-and-excitation in Y, 1x1, all of one width."""
    groups = out_channels // min(group_width, out_channels)
    branch = nn.Sequential(
        *conv_norm_act(in_channels, out_channels, 1),
        *conv_norm_act(out_channels, out_channels, 3, stride, groups=groups),
    )
    if attention:
        branch.append(SqueezeExcite(out_channels, round(in_channels / 4)))
    branch.extend(conv_norm_act(out_channels, out_channels, 1, act=None))
    return ResidualBlock(branch, projection(in_channels, out_channels, stride), drop, relu())


class RegNet(StagedBackbone):
    """RegNetX and RegNetY.

    Args:
        variant: X or Y and its multiply-adds at 224x224: ``X_200MF`` to ``X_3.2GF``, ``Y_200MF`` to ``Y_3.2GF``.
        embedding_dim: length D of an embedding.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` halves it, for 224x224.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head.

    Raises:
        ValueError: for a variant that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = RegNet("X_200MF", embedding_dim=16)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 2321712)
    """

    def __init__(
        self,
        variant: str = "Y_800MF",
        embedding_dim: int = 512,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, VARIANTS, variant=variant)
        require_choice(self, STEMS, stem=stem)
        line = VARIANTS[variant]
        block = partial(regnet_block, group_width=line.group_width, attention=variant.startswith("Y"))
        stages = [Stage(len(list(equal)), width, 2, block) for width, equal in groupby(block_widths(line))]
        super().__init__(
            conv_norm_act(3, STEM_WIDTH, 3, 2 if stem == "paper" else 1),
            build_stages(STEM_WIDTH, stages, stochastic_depth),
            channels=stages[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=residual_initialise,
        )
