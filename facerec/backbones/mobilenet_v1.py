"""MobileNets: Efficient CNNs for Mobile Vision Applications (Howard et al. 2017), https://arxiv.org/abs/1704.04861.

Table 1: depthwise separable convolutions (figure 3, right: a 3x3 per channel, then a 1x1). ReLU6, as in the authors'
code.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, he_initialise, relu6, round_channels
from facerec.backbones.stages import Stage, build_stages
from facerec.settings import require_choice, require_positive

ROWS = ((1, 64, 1), (2, 128, 2), (2, 256, 2), (6, 512, 2), (2, 1024, 2))
"""Blocks, channels and stride of each resolution."""


class SeparableBlock(nn.Sequential):
    """3x3 depthwise, then 1x1 pointwise, each with batch normalisation and ReLU6."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        super().__init__(
            *conv_norm_act(in_channels, in_channels, 3, stride, groups=in_channels, act=relu6),
            *conv_norm_act(in_channels, out_channels, 1, act=relu6),
        )


class MobileNetV1(StagedBackbone):
    """MobileNet, version 1.

    Args:
        width_multiplier: the paper's alpha, thins every layer.
        embedding_dim: length D of an embedding.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` halves it, for 224x224.
        head: settings of the embedding head.

    Raises:
        ValueError: for a setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = MobileNetV1(0.25, embedding_dim=16)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 217200)
    """

    def __init__(
        self,
        width_multiplier: float = 1.0,
        embedding_dim: int = 512,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_positive(self, width_multiplier=width_multiplier)
        require_choice(self, STEMS, stem=stem)
        width = round_channels(32 * width_multiplier)
        rows = [Stage(n, round_channels(c * width_multiplier), s, SeparableBlock) for n, c, s in ROWS]
        super().__init__(
            conv_norm_act(3, width, 3, 2 if stem == "paper" else 1, act=relu6),
            build_stages(width, rows),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
