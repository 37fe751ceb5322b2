"""Aggregated Residual Transformations for Deep Neural Networks (Xie et al., CVPR 2017), https://arxiv.org/abs/1611.05431.

Table 1 and figure 3c: ResNet's bottleneck with a grouped 3x3 convolution, ``cardinality`` groups of ``group_width``
channels in the first stage.
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, make_stem, relu
from facerec.backbones.resnet import bottleneck, residual_stages
from facerec.backbones.stages import ResidualBlock, build_stages, projection, residual_initialise
from facerec.settings import require_choice, require_positive

DEPTHS = (50, 101, 152)


def resnext_block(
    in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, cardinality: int, inner_ratio: float
) -> ResidualBlock:
    """A bottleneck with ``cardinality`` groups and ``inner_ratio`` times its output channels inside."""
    branch = bottleneck(in_channels, round(out_channels * inner_ratio), out_channels, stride, cardinality)
    return ResidualBlock(branch, projection(in_channels, out_channels, stride), drop, relu())


class ResNeXt(StagedBackbone):
    """ResNet with grouped bottlenecks. The default is the paper's ResNeXt-50 (32x4d).

    Args:
        depth: 50, 101 or 152 layers.
        embedding_dim: length D of an embedding.
        cardinality: number of groups.
        group_width: channels of a group in the first stage, doubled in each later one.
        width: channels that a bottleneck of the first stage would have in a ResNet; a block puts out four times
            as many.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` is four times smaller, for 224x224.
        stochastic_depth: probability of dropping the last residual branch.
        dropblock: share of the maps to drop in the last two stages.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = ResNeXt(50, embedding_dim=16, cardinality=4, group_width=2, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 244696)
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        cardinality: int = 32,
        group_width: int = 4,
        width: int = 64,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        dropblock: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, DEPTHS, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width, cardinality=cardinality, group_width=group_width)
        inner_ratio = cardinality * group_width / (4 * width)
        rows = residual_stages(
            depth, width, stem, partial(resnext_block, cardinality=cardinality, inner_ratio=inner_ratio)
        )
        super().__init__(
            make_stem(stem, width),
            build_stages(width, rows, stochastic_depth, dropblock),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=residual_initialise,
        )
