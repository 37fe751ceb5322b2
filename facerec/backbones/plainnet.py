"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), https://arxiv.org/abs/1512.03385.

Section 3.3, "Plain Network", and figure 3, middle: the 18- and 34-layer networks without shortcuts. They exist to show
the degradation problem (figure 4, left): beside ResNet-18 and ResNet-34, the deeper one trains worse.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Head,
    Stem,
    build_stages,
    choose,
    conv_norm_act,
    he_initialise,
    make_stem,
    require_positive,
)
from facerec.backbones.resnet import residual_stages

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
        width: channels of the first stage; each of the three later stages doubles it.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` is four times smaller (made for 224x224).
        dropout: probability of dropping a feature before the embedding layer.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a depth that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        depth: int = 18,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose(DEPTHS, depth, "PlainNet depth")
        require_positive("PlainNet", width=width)
        rows = residual_stages(depth, width, stem, PlainBlock)
        super().__init__(
            make_stem(stem, width),
            build_stages(width, rows),
            channels=rows[-1].channels,
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
