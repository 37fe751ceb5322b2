"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), https://arxiv.org/abs/1512.03385.

Table 1: five depths out of two blocks; the downsampling stride of a bottleneck sits in its 3x3 convolution, as in
every public implementation since (ResNet v1.5). The last batch normalisation of each branch starts at zero (Goyal et
al. 2017, section 5.1), so that a fresh network is a stack of identities.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, make_stem, relu
from facerec.backbones.stages import BlockFactory, ResidualBlock, Stage, build_stages, projection, residual_initialise
from facerec.settings import require_choice, require_positive


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions (figure 5, left)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        branch = nn.Sequential(
            *conv_norm_act(in_channels, out_channels, 3, stride),
            *conv_norm_act(out_channels, out_channels, 3, act=None),
        )
        super().__init__(branch, projection(in_channels, out_channels, stride), drop, relu())


class BottleneckBlock(ResidualBlock):
    """1x1 down to a quarter, 3x3, 1x1 up again (figure 5, right)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        branch = bottleneck(in_channels, out_channels // 4, out_channels, stride)
        super().__init__(branch, projection(in_channels, out_channels, stride), drop, relu())


def bottleneck(in_channels: int, inner: int, out_channels: int, stride: int, groups: int = 1) -> nn.Sequential:
    """The branch of a bottleneck; with groups it is ResNeXt's."""
    return nn.Sequential(
        *conv_norm_act(in_channels, inner, 1),
        *conv_norm_act(inner, inner, 3, stride, groups=groups),
        *conv_norm_act(inner, out_channels, 1, act=None),
    )


BLOCKS_PER_STAGE: dict[int, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def residual_stages(depth: int, width: int, stem: Stem, block: BlockFactory) -> list[Stage]:
    """The rows of table 1: widths double from stage to stage, and bottlenecks put out four times their width.

    With the paper's stem the first stage keeps the size; with the face stem it halves it.
    """
    expansion = 4 if depth >= 50 else 1
    strides = (2 if stem == "face" else 1, 2, 2, 2)
    widths = [width * expansion * 2**stage for stage in range(4)]
    rows = zip(BLOCKS_PER_STAGE[depth], widths, strides, strict=True)
    return [Stage(count, channels, stride, block) for count, channels, stride in rows]


class ResNet(StagedBackbone):
    """Residual network of 18, 34, 50, 101 or 152 layers (table 1).

    Args:
        depth: number of layers with weights.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` is four times smaller, for 224x224.
        stochastic_depth: probability of dropping the last residual branch.
        dropblock: share of the maps to drop in the last two stages.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = ResNet(18, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 176888)
    """

    def __init__(
        self,
        depth: int = 18,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        dropblock: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, BLOCKS_PER_STAGE, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
        rows = residual_stages(depth, width, stem, self.block(depth))
        super().__init__(
            make_stem(stem, width),
            build_stages(width, rows, stochastic_depth, dropblock),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=residual_initialise,
        )

    @staticmethod
    def block(depth: int) -> BlockFactory:
        """The block of a depth: two 3x3 convolutions below 50 layers, bottlenecks from there on."""
        return BasicBlock if depth < 50 else BottleneckBlock
