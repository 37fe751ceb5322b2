"""Densely Connected Convolutional Networks (Huang et al., CVPR 2017), https://arxiv.org/abs/1608.06993.

Table 1: every layer sees the maps of all layers before it (equation 2). DenseNet-BC: each layer is BN-ReLU-1x1 to four
growths, BN-ReLU-3x3 to one growth; transitions halve channels and map (compression 0.5).
"""

import torch
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, he_initialise, relu
from facerec.settings import require_choice, require_positive

LAYERS_PER_BLOCK = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
BOTTLENECK = 4


def norm_act_conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    """Batch normalisation, ReLU, convolution: the pre-activation order of the paper (section 3, H_l)."""
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    return nn.Sequential(nn.BatchNorm2d(in_channels), relu(), convolution)


class DenseBlock(nn.Module):
    """``layers`` layers, each adding ``growth`` maps to all that came before."""

    def __init__(self, channels: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                *norm_act_conv(channels + layer * growth, BOTTLENECK * growth, 1),
                *norm_act_conv(BOTTLENECK * growth, growth, 3),
            )
            for layer in range(layers)
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Concatenate the input with the new maps of all layers."""
        maps = x_BCHW
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], dim=1)
        return maps


def dense_stages(channels: int, layers_per_block: tuple[int, ...], growth: int) -> tuple[nn.Sequential, int]:
    """Dense blocks with transitions between them, the last normalisation, and the number of channels at the end."""
    stages = nn.Sequential()
    for number, layers in enumerate(layers_per_block):
        stage = nn.Sequential(DenseBlock(channels, layers, growth))
        channels += layers * growth
        if number < len(layers_per_block) - 1:
            stage.extend([*norm_act_conv(channels, channels // 2, 1), nn.AvgPool2d(2)])
            channels //= 2
        stages.append(stage)
    stages.append(nn.Sequential(nn.BatchNorm2d(channels), relu()))
    return stages, channels


class DenseNet(StagedBackbone):
    """DenseNet-BC of 121, 169 or 201 layers (table 1).

    Args:
        depth: number of layers.
        embedding_dim: length D of an embedding.
        growth_rate: maps that each layer adds; the stem puts out twice as many.
        stem: ``face`` (3x3 with stride 1) or ``paper`` (7x7 with stride 2); a max pooling follows both.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = DenseNet(121, embedding_dim=16, growth_rate=4)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 119952)
    """

    def __init__(
        self,
        depth: int = 121,
        embedding_dim: int = 512,
        growth_rate: int = 32,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, LAYERS_PER_BLOCK, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, growth_rate=growth_rate)
        width = 2 * growth_rate
        first = conv_norm_act(3, width, 7, 2) if stem == "paper" else conv_norm_act(3, width, 3)
        stages, channels = dense_stages(width, LAYERS_PER_BLOCK[depth], growth_rate)
        super().__init__(
            nn.Sequential(*first, nn.MaxPool2d(3, 2, 1)),
            stages,
            channels=channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
