"""Squeeze-and-Excitation Networks (Hu et al., CVPR 2018), https://arxiv.org/abs/1709.01507.

Figure 3 and table 1: a ResNet whose branches end with channel attention, reduction ratio 16.
"""

from torch import nn

from facerec.backbones.layers import SqueezeExcite
from facerec.backbones.resnet import BasicBlock, BottleneckBlock, ResNet
from facerec.backbones.stages import BlockFactory, ResidualBlock

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
    """ResNet with channel attention at the end of every residual branch.

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
        >>> network = SEResNet(18, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 178520)
    """

    @staticmethod
    def block(depth: int) -> BlockFactory:
        """ResNet's blocks, each with channel attention."""
        return se_basic_block if depth < 50 else se_bottleneck_block
