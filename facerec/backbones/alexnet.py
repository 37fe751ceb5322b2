"""ImageNet Classification with Deep Convolutional Neural Networks (Krizhevsky et al., NeurIPS 2012).

https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks.pdf

The single-tower version of "One weird trick" (Krizhevsky 2014, https://arxiv.org/abs/1404.5997): five convolutions of
64, 192, 384, 256 and 256 channels, overlapping max pooling (section 3.4), ReLU, no response normalisation.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, he_initialise, relu
from facerec.settings import require_choice, require_positive


def conv_relu(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 1
) -> list[nn.Module]:
    """Convolution with bias, and ReLU."""
    return [nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding), relu()]


class AlexNet(StagedBackbone):
    """AlexNet's convolutions. The embedding head takes the place of its two hidden layers of 4096.

    Args:
        embedding_dim: length D of an embedding.
        width: channels of the first convolution; the others have 3, 6, 4 and 4 times as many.
        stem: stride of the first convolution: 2 (``face``, for 112x112) or 4 (``paper``, for 224x224).
        head: settings of the embedding head; its dropout is the paper's.

    Raises:
        ValueError: for a setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = AlexNet(embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 64, 64)).shape, count_parameters(network)
        (torch.Size([2, 16]), 41800)
    """

    def __init__(
        self,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(dropout=0.5),
    ) -> None:
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
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
            smallest_input=SmallestInput.with_stem(stem, paper=63, face=35),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
