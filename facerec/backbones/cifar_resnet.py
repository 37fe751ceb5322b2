"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), https://arxiv.org/abs/1512.03385.

Section 4.2 and table 6: the small networks for CIFAR-10, with shortcuts and without. A 3x3 convolution comes first, and
then three stages of n blocks with 16, 32 and 64 channels: 6n + 2 layers. Shortcuts have no parameters (option A). The
last batch normalisation of each branch starts at zero, as in :class:`ResNet`.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import SmallestInput, conv_norm_act, he_initialise, relu
from facerec.backbones.plainnet import PlainBlock
from facerec.backbones.stages import BlockFactory, ResidualBlock, Stage, build_stages, residual_initialise
from facerec.settings import require_choice, require_positive

DEPTHS = (20, 32, 44, 56, 110)
SMALLEST_INPUT = SmallestInput(4)


class ZeroPaddedShortcut(nn.Module):
    """Every ``stride``-th position, and zeros for the channels that are new (section 3.3, option A)."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = new_channels
        self.stride = stride

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Bring the input to the shape of the branch."""
        return F.pad(x_BCHW[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


class ZeroPaddedBlock(ResidualBlock):
    """Two 3x3 convolutions (figure 5, left), with a shortcut without parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        branch = nn.Sequential(
            *conv_norm_act(in_channels, out_channels, 3, stride),
            *conv_norm_act(out_channels, out_channels, 3, act=None),
        )
        keeps_shape = stride == 1 and in_channels == out_channels
        shortcut = nn.Identity() if keeps_shape else ZeroPaddedShortcut(out_channels - in_channels, stride)
        super().__init__(branch, shortcut, drop, relu())


def cifar_stages(depth: int, width: int, block: BlockFactory) -> list[Stage]:
    """The three stages of a network of 6n + 2 layers."""
    blocks = (depth - 2) // 6
    return [Stage(blocks, width * 2**stage, 1 if stage == 0 else 2, block) for stage in range(3)]


class CifarResNet(StagedBackbone):
    """Residual network of 20, 32, 44, 56 or 110 layers for images of 32x32 (table 6): 0.27 to 1.7 million parameters.

    It takes larger images too. Its strides are 4 in all, so that it is slow on them for its size.

    Args:
        depth: number of layers with weights.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = CifarResNet(20, embedding_dim=64)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 64]), 273296)
    """

    def __init__(
        self,
        depth: int = 20,
        embedding_dim: int = 64,
        width: int = 16,
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, DEPTHS, depth=depth)
        require_positive(self, width=width)
        rows = cifar_stages(depth, width, ZeroPaddedBlock)
        super().__init__(
            conv_norm_act(3, width, 3),
            build_stages(width, rows, stochastic_depth),
            channels=rows[-1].channels,
            smallest_input=SMALLEST_INPUT,
            embedding_dim=embedding_dim,
            head=head,
            initialise=residual_initialise,
        )


class CifarPlainNet(StagedBackbone):
    """The same network without shortcuts, for the comparison with :class:`CifarResNet`.

    With 56 layers it trains worse than with 20 (figure 1): the degradation problem, which shortcuts solve.

    Args:
        depth: number of layers with weights.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = CifarPlainNet(20, embedding_dim=64)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 64]), 273296)
    """

    def __init__(
        self,
        depth: int = 20,
        embedding_dim: int = 64,
        width: int = 16,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, DEPTHS, depth=depth)
        require_positive(self, width=width)
        rows = cifar_stages(depth, width, PlainBlock)
        super().__init__(
            conv_norm_act(3, width, 3),
            build_stages(width, rows),
            channels=rows[-1].channels,
            smallest_input=SMALLEST_INPUT,
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
