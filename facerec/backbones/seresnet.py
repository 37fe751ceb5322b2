"""Squeeze-and-Excitation Networks (Hu et al., CVPR 2018), https://arxiv.org/abs/1709.01507.

Figure 3 and table 1: a ResNet whose branches end with channel attention, reduction ratio 16.
"""

from torch import nn

from facerec.backbones.layers import BlockFactory, ResidualBlock, SqueezeExcite
from facerec.backbones.resnet import BasicBlock, BottleneckBlock, ResNet

REDUCTION = 16


def _excited(block: ResidualBlock, channels: int) -> ResidualBlock:
    block.branch.append(SqueezeExcite(channels, max(channels // REDUCTION, 1)))
    return block


def se_basic_block(in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> ResidualBlock:
    """ResNet's basic block with channel attention at the end of its branch."""
    return _excited(BasicBlock(in_channels, out_channels, stride, drop), out_channels)


def se_bottleneck_block(in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> ResidualBlock:
    """ResNet's bottleneck with channel attention at the end of its branch (figure 3)."""
    return _excited(BottleneckBlock(in_channels, out_channels, stride, drop), out_channels)


class SEResNet(ResNet):
    """A ResNet with channel attention at the end of every residual branch.

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        embedding_dim: length D of an embedding.
        width: channels of the first stage; each of the three later stages doubles it.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` is four times smaller (made for 224x224).
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        dropblock: share of the maps to drop, in squares, in the branches of the last two stages.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a depth that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    @staticmethod
    def block(depth: int) -> BlockFactory:
        """ResNet's blocks, each with channel attention."""
        return se_basic_block if depth < 50 else se_bottleneck_block
