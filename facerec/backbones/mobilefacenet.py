"""MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices (Chen et al. 2018), https://arxiv.org/abs/1804.07573.

Table 1: MobileNetV2's block with PReLU and small expansions. A global depthwise convolution replaces the average
pooling, because the corners of a face's feature map matter less than its centre (section 3.1).
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import Activation, SmallestInput, conv_norm_act, he_initialise, round_channels
from facerec.backbones.mobilenet_v2 import inverted_residual
from facerec.backbones.prelu import PReLU
from facerec.backbones.stages import Stage, build_stages
from facerec.settings import require_positive

ROWS = ((2, 5, 64, 2), (4, 1, 128, 2), (2, 6, 128, 1), (4, 1, 128, 2), (2, 2, 128, 1))
"""Expansion t, blocks n, channels c and stride s of table 1."""
STEM_WIDTH, LAST_CHANNELS = 64, 512


def prelu(channels: int) -> Activation:
    """PReLU with one slope per channel."""
    return partial(PReLU, channels)


def face_block(in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, expansion: int) -> nn.Module:
    """MobileNetV2's block with PReLU."""
    return inverted_residual(
        in_channels, out_channels, stride, drop, expansion=expansion, act=prelu(in_channels * expansion)
    )


class MobileFaceNet(StagedBackbone):
    """MobileFaceNet, of under a million parameters at the paper's setting. Its stem is made for 112x112.

    Args:
        embedding_dim: length D of an embedding; the paper has 128.
        width_multiplier: thins or widens every layer.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head; ``depthwise`` is the paper's.

    Raises:
        ValueError: for a setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = MobileFaceNet(embedding_dim=128)
        >>> network(torch.zeros(2, 3, 112, 112)).shape, count_parameters(network)
        (torch.Size([2, 128]), 1003136)
    """

    def __init__(
        self,
        embedding_dim: int = 128,
        width_multiplier: float = 1.0,
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead("depthwise"),
    ) -> None:
        require_positive(self, width_multiplier=width_multiplier)
        width, last = round_channels(STEM_WIDTH * width_multiplier), round_channels(LAST_CHANNELS * width_multiplier)
        rows = [
            Stage(n, round_channels(c * width_multiplier), s, partial(face_block, expansion=t)) for t, n, c, s in ROWS
        ]
        stages = build_stages(width, rows, stochastic_depth)
        stages.append(conv_norm_act(rows[-1].channels, last, 1, act=prelu(last)))
        super().__init__(
            nn.Sequential(
                *conv_norm_act(3, width, 3, 2, act=prelu(width)),
                *conv_norm_act(width, width, 3, groups=width, act=prelu(width)),
            ),
            stages,
            channels=last,
            smallest_input=SmallestInput(16),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
