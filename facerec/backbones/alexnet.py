"""ImageNet Classification with Deep Convolutional Neural Networks (Krizhevsky et al., NeurIPS 2012).

https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks.pdf

The single-tower version of "One weird trick" (Krizhevsky 2014, https://arxiv.org/abs/1404.5997): five convolutions of
64, 192, 384, 256 and 256 channels, overlapping max pooling (section 3.4), ReLU, no response normalisation.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import Head, Stem, choose_stem, he_initialise, relu, require_positive


def conv_relu(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 1
) -> list[nn.Module]:
    """Convolution with bias, and ReLU."""
    return [nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding), relu()]


class AlexNet(StagedBackbone):
    """AlexNet's convolutions; the embedding head stands for its two hidden layers of 4096.

    Args:
        embedding_dim: length D of an embedding.
        width: channels of the first convolution; the others have 3, 6, 4 and 4 times as many.
        stem: stride of the first convolution: 4 (``paper``, for 224x224) or 2 (``face``, for 112x112).
        dropout: probability of dropping a feature before the embedding layer (the paper: 0.5).
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.5,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose_stem(stem)
        require_positive("AlexNet", width=width)
        first = conv_relu(3, width, 11, 4 if stem == "paper" else 2, 2)
        super().__init__(
            nn.Sequential(*first, nn.MaxPool2d(3, 2)),
            nn.Sequential(
                nn.Sequential(*conv_relu(width, 3 * width, 5, padding=2), nn.MaxPool2d(3, 2)),
                nn.Sequential(
                    *conv_relu(3 * width, 6 * width, 3),
                    *conv_relu(6 * width, 4 * width, 3),
                    *conv_relu(4 * width, 4 * width, 3),
                    nn.MaxPool2d(3, 2),
                ),
            ),
            channels=4 * width,
            smallest_input=63 if stem == "paper" else 35,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
