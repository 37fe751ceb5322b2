"""Gradient-Based Learning Applied to Document Recognition (LeCun et al., Proc. IEEE 1998), http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf.

Figure 2, LeNet-5: C1, S2, C3, S4, C5, and F6 as the embedding. As usual today, the subsampling is plain average
pooling and C3 is connected to all maps of S2.
"""

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import Head, Stem, choose_stem, require_positive


def initialise(module: nn.Module) -> None:
    """Glorot: tanh units whose sums have the variance of their inputs (the paper's appendix A, in today's form)."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight, nn.init.calculate_gain("tanh"))
        if module.bias is not None:  # a depthwise head has none
            nn.init.zeros_(module.bias)


class LeNet(StagedBackbone):
    """LeNet-5 on colour images of any size from 32x32.

    Args:
        embedding_dim: length D of an embedding; F6 of the paper has 84.
        width: maps of C1; C3 and C5 have 16/6 and 120/6 times as many.
        stem: ``paper`` keeps the resolution (made for 32x32), ``face`` halves it in C1 (for 112x112).
        dropout: probability of dropping a feature before the embedding layer.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        embedding_dim: int = 84,
        width: int = 6,
        stem: Stem = "face",
        dropout: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose_stem(stem)
        require_positive("LeNet", width=width)
        c3, c5 = round(width * 16 / 6), width * 20
        super().__init__(
            nn.Sequential(nn.Conv2d(3, width, 5, 2 if stem == "face" else 1), nn.Tanh(), nn.AvgPool2d(2)),
            nn.Sequential(
                nn.Sequential(nn.Conv2d(width, c3, 5), nn.Tanh(), nn.AvgPool2d(2)),
                nn.Sequential(nn.Conv2d(c3, c5, 5), nn.Tanh()),
            ),
            channels=c5,
            smallest_input=59 if stem == "face" else 32,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(initialise)
