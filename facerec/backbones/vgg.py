"""Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan and Zisserman, ICLR 2015), https://arxiv.org/abs/1409.1556.

Table 1, configurations A, B, D and E: 3x3 convolutions and 2x2 max pooling, with or without batch normalisation (which
came a year later and makes the deep ones trainable from scratch).
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import Head, Stem, choose, choose_stem, he_initialise, relu, require_positive

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
    """VGG's convolutions; the embedding head stands for its two hidden layers of 4096.

    Args:
        depth: 11, 13, 16 or 19 layers (three of them the paper's fully connected ones).
        embedding_dim: length D of an embedding.
        batch_norm: batch normalisation after every convolution.
        width: channels of the first stage; the others have 2, 4, 8 and 8 times as many.
        stem: ``paper`` pools five times (made for 224x224), ``face`` leaves out the last one (for 112x112).
        dropout: probability of dropping a feature before the embedding layer (the paper: 0.5).
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a depth that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        depth: int = 16,
        embedding_dim: int = 512,
        batch_norm: bool = True,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose(CONVS_PER_STAGE, depth, "VGG depth")
        choose_stem(stem)
        require_positive("VGG", width=width)
        widths = [3, *(width * multiple for multiple in WIDTH_MULTIPLES)]
        stages = [
            vgg_stage(widths[number], widths[number + 1], convs, batch_norm, pool=number < 4 or stem == "paper")
            for number, convs in enumerate(CONVS_PER_STAGE[depth])
        ]
        super().__init__(
            stages[0],
            nn.Sequential(*stages[1:]),
            channels=widths[-1],
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
