"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), https://arxiv.org/abs/1512.03385.

Section 3.3, "Plain Network", and figure 3, middle: the 18- and 34-layer networks without shortcuts. They show the
degradation problem (figure 4, left): without shortcuts, the deeper network trains worse.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, he_initialise, make_stem
from facerec.backbones.resnet import residual_stages
from facerec.backbones.stages import build_stages
from facerec.settings import require_choice, require_positive

DEPTHS = (18, 34)


class PlainBlock(nn.Sequential):
    """Two 3x3 convolutions, and nothing around them."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        super().__init__(
            *conv_norm_act(in_channels, out_channels, 3, stride), *conv_norm_act(out_channels, out_channels, 3)
        )


class PlainNet(StagedBackbone):
    """Plain network of 18 or 34 layers, for the comparison with :class:`ResNet`.

    Args:
        depth: number of layers with weights.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` is four times smaller, for 224x224.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = PlainNet(18, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 173896)
    """

    def __init__(
        self,
        depth: int = 18,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, DEPTHS, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
        rows = residual_stages(depth, width, stem, PlainBlock)
        super().__init__(
            make_stem(stem, width),
            build_stages(width, rows),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
