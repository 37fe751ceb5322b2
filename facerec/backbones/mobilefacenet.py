"""MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices (Chen et al. 2018), https://arxiv.org/abs/1804.07573.

Table 1: MobileNetV2's block with PReLU and small expansions, and a global depthwise convolution in place of the average
pooling, because the corners of a face's feature map matter less than its centre (section 3.1).
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Activation,
    Head,
    Stage,
    build_stages,
    conv_norm_act,
    he_initialise,
    require_positive,
    round_channels,
)
from facerec.backbones.mobilenet_v2 import inverted_residual

ROWS = ((2, 5, 64, 2), (4, 1, 128, 2), (2, 6, 128, 1), (4, 1, 128, 2), (2, 2, 128, 1))
"""Expansion t, blocks n, channels c and stride s of table 1."""
STEM_WIDTH, LAST_CHANNELS = 64, 512


def prelu(channels: int) -> Activation:
    """PReLU with one slope per channel."""
    return partial(nn.PReLU, channels)


def face_block(in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, expansion: int) -> nn.Module:
    """MobileNetV2's block with PReLU."""
    return inverted_residual(
        in_channels, out_channels, stride, drop, expansion=expansion, act=prelu(in_channels * expansion)
    )


class MobileFaceNet(StagedBackbone):
    """MobileFaceNet, under a million parameters at the paper's setting. Its stem is the paper's, made for 112x112.

    Args:
        embedding_dim: length D of an embedding; the paper has 128.
        width_multiplier: thins or widens every layer.
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        head: from feature map to embedding: ``depthwise`` (the paper), ``pool`` or ``flatten``.
        image_size: (height, width) of the images, for the heads ``depthwise`` and ``flatten``.

    Raises:
        ValueError: for a size that is not above 0, or a probability outside [0, 1).
    """

    def __init__(
        self,
        embedding_dim: int = 128,
        width_multiplier: float = 1.0,
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        head: Head = "depthwise",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        require_positive("MobileFaceNet", width_multiplier=width_multiplier)
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
            smallest_input=16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
