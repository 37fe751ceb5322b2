"""Aggregated Residual Transformations for Deep Neural Networks (Xie et al., CVPR 2017), https://arxiv.org/abs/1611.05431.

Table 1 and figure 3c: ResNet's bottleneck with a grouped 3x3 convolution, ``cardinality`` groups of ``group_width``
channels in the first stage.
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Head,
    ResidualBlock,
    Stem,
    build_stages,
    choose,
    make_stem,
    projection,
    relu,
    require_positive,
    residual_initialise,
)
from facerec.backbones.resnet import bottleneck, residual_stages

DEPTHS = (50, 101, 152)


def resnext_block(
    in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, cardinality: int, inner_ratio: float
) -> ResidualBlock:
    """A bottleneck with ``cardinality`` groups and ``inner_ratio`` times its output channels inside."""
    branch = bottleneck(in_channels, round(out_channels * inner_ratio), out_channels, stride, cardinality)
    return ResidualBlock(branch, projection(in_channels, out_channels, stride), drop, relu())


class ResNeXt(StagedBackbone):
    """ResNet with grouped bottlenecks; the paper's ResNeXt-50 (32x4d) is the default.

    Args:
        depth: 50, 101 or 152 layers.
        embedding_dim: length D of an embedding.
        cardinality: number of groups.
        group_width: channels of a group in the first stage, doubled in each later stage.
        width: channels that a bottleneck of the first stage would have in a ResNet; the blocks put out four times it.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` is four times smaller (made for 224x224).
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        dropblock: share of the maps to drop, in squares, in the branches of the last two stages.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a depth that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        cardinality: int = 32,
        group_width: int = 4,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        dropblock: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose(DEPTHS, depth, "ResNeXt depth")
        require_positive("ResNeXt", width=width, cardinality=cardinality, group_width=group_width)
        inner_ratio = cardinality * group_width / (4 * width)
        rows = residual_stages(
            depth, width, stem, partial(resnext_block, cardinality=cardinality, inner_ratio=inner_ratio)
        )
        super().__init__(
            make_stem(stem, width),
            build_stages(width, rows, stochastic_depth, dropblock),
            channels=rows[-1].channels,
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(residual_initialise)
