"""ArcFace (Deng et al., CVPR 2019), https://arxiv.org/abs/1801.07698, and its code, https://github.com/deepinsight/insightface.

The network of the code and of the first arXiv version. It is a ResNet of improved blocks BN-conv-BN-PReLU-conv-BN (Han
et al. 2017, pyramidal residual networks) with the stride in the second convolution. The stem is a 3x3 convolution of
stride 1, and the whole 7x7 map is flattened into the embedding. The CVPR version (section 3.1) names the networks and
puts BN-dropout-FC-BN behind them. The depths are those of insightface's iresnet18 to iresnet100.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import SmallestInput
from facerec.backbones.prelu import PReLU
from facerec.backbones.stages import ResidualBlock, Stage, build_stages, projection
from facerec.settings import require_choice, require_positive

BLOCKS_PER_STAGE = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class ImprovedBlock(ResidualBlock):
    """BN, 3x3, BN, PReLU, 3x3 with the stride, BN; nothing after the sum."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        branch = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            PReLU(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        super().__init__(branch, projection(in_channels, out_channels, stride), drop, nn.Identity())


def initialise(module: nn.Module) -> None:
    """Normal convolutions of standard deviation 0.1, as in insightface's code: every one meets a normalisation."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.1)


class IResNet(StagedBackbone):
    """insightface's improved residual network of 18, 34, 50 or 100 layers. Its stem is made for 112x112.

    Args:
        depth: number of layers, as in insightface's names.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head; ``flatten`` is insightface's (its first code: a dropout of 0.4).

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = IResNet(18, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 112, 112)).shape, count_parameters(network)
        (torch.Size([2, 16]), 226784)
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        width: int = 64,
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead("flatten"),
    ) -> None:
        require_choice(self, BLOCKS_PER_STAGE, depth=depth)
        require_positive(self, width=width)
        rows = [Stage(n, width * 2**stage, 2, ImprovedBlock) for stage, n in enumerate(BLOCKS_PER_STAGE[depth])]
        stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), PReLU(width))
        stages = build_stages(width, rows, stochastic_depth)
        stages.append(nn.BatchNorm2d(8 * width))
        super().__init__(
            stem,
            stages,
            channels=8 * width,
            smallest_input=SmallestInput(16),
            embedding_dim=embedding_dim,
            head=head,
            initialise=initialise,
        )
