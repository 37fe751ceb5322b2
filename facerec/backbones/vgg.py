"""Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan and Zisserman, ICLR 2015), https://arxiv.org/abs/1409.1556.

Table 1, configurations A, B, D and E: 3x3 convolutions and 2x2 max pooling. Batch normalisation came a year later and
makes the deep ones trainable from scratch.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, he_initialise, relu
from facerec.settings import require_choice, require_positive

CONVS_PER_STAGE = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTH_MULTIPLES = (1, 2, 4, 8, 8)


def vgg_stage(in_channels: int, out_channels: int, convs: int, batch_norm: bool, pool: bool) -> nn.Sequential:
    """``convs`` convolutions of one width, then max pooling."""
    stage = nn.Sequential()
    for _ in range(convs):
        stage.append(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        if batch_norm:
            stage.append(nn.BatchNorm2d(out_channels))
        stage.append(relu())
        in_channels = out_channels
    return stage.append(nn.MaxPool2d(2)) if pool else stage


class VGG(StagedBackbone):
    """VGG's convolutions. The embedding head takes the place of its two hidden layers of 4096.

    Args:
        depth: 11, 13, 16 or 19 layers; three of them are the paper's fully connected ones.
        embedding_dim: length D of an embedding.
        batch_norm: batch normalisation after every convolution.
        width: channels of the first stage; the others have 2, 4, 8 and 8 times as many.
        stem: ``face`` leaves out the last of five poolings, for 112x112; ``paper`` has all, for 224x224.
        head: settings of the embedding head (the paper: a dropout of 0.5).

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = VGG(11, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 146304)
    """

    def __init__(
        self,
        depth: int = 16,
        embedding_dim: int = 512,
        batch_norm: bool = True,
        width: int = 64,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, CONVS_PER_STAGE, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
        widths = [3, *(width * multiple for multiple in WIDTH_MULTIPLES)]
        stages = [
            vgg_stage(widths[number], widths[number + 1], convs, batch_norm, pool=number < 4 or stem == "paper")
            for number, convs in enumerate(CONVS_PER_STAGE[depth])
        ]
        super().__init__(
            stages[0],
            nn.Sequential(*stages[1:]),
            channels=widths[-1],
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
