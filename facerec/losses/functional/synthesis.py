"""Proxy synthesis: people between two people of a batch, with embeddings and class weights of their own.

Shapes: B batch, S synthetic embeddings, R = B + S rows, D embedding dimension, C classes, Q = C + S columns.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facerec.losses.functional.margin_softmax import MarginSoftmax
from facerec.losses.functional.vectors import directions
from facerec.settings import require_positive, require_within


@dataclass(frozen=True)
class Synthesis:
    """Synthetic people, each between two people of the batch (Gu, Ko and Kim, "Proxy Synthesis", AAAI 2021).

    https://arxiv.org/abs/2103.15454. An image x_i and one of another person, x_j, give the unit embedding in the
    direction of lambda x_i + (1 - lambda) x_j. The class weight of that synthetic person is the same mix of the class
    weights of both. Synthetic people exist for one training step, in which all people are told apart.

    Args:
        alpha: parameter of Beta(alpha, alpha), from which lambda is drawn once a batch; below 1 it is mostly near 0 or
            1.
        ratio: number of synthetic embeddings for each real one, in (0, 1].

    Raises:
        ValueError: if ``alpha`` is not positive, or ``ratio`` lies outside (0, 1].

    Example:
        >>> from facerec.losses import ArcFace
        >>> loss = ArcFace(scale=16.0, synthesis=Synthesis(alpha=0.4))
        >>> loss.synthesis
        Synthesis(alpha=0.4, ratio=1.0)
    """

    alpha: float = 0.4
    ratio: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, alpha=self.alpha)
        require_within(self, 0.0, 1.0, low_excluded=True, ratio=self.ratio)


@dataclass(frozen=True)
class Mixture:
    """Which images are mixed: the first S of the batch, each with a partner.

    Args:
        share: lambda, the share of the image itself.
        partners: index of each partner (S,). It shows another person; in a batch of one person it is the image itself.

    Example:
        A quarter of the first image and three quarters of the last.

        >>> import torch
        >>> mixture = Mixture(0.25, torch.tensor([2]))
        >>> mixture.of(torch.tensor([4.0, 0.0, 8.0])), mixture.labels(torch.tensor([0, 0, 1]), num_classes=2)
        (tensor([7.]), (tensor([2]), tensor([False])))
    """

    share: float
    partners: Tensor

    def of(self, values_B: Tensor) -> Tensor:
        """Mixes lambda v_i + (1 - lambda) v_j (S, ...) of values (B, ...)."""
        return self.share * values_B[: len(self.partners)] + (1.0 - self.share) * values_B[self.partners]

    def labels(self, labels_B: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """Class of each synthetic embedding (S,), and whether the class weights of its column stand for nobody (S,).

        Mixes of the same two people are one synthetic person, that of the first of them. An image without a partner
        keeps its own class.
        """
        own_S, other_S = labels_B[: len(self.partners)], labels_B[self.partners]
        same_SS = (own_S[:, None] == own_S) & (other_S[:, None] == other_S)
        first_S = same_SS.int().argmax(1)
        is_alone_S = own_S == other_S
        is_absent_S = is_alone_S | (first_S != torch.arange(len(own_S), device=own_S.device))
        return torch.where(is_alone_S, own_S, num_classes + first_S), is_absent_S


def draw_mixture(labels_B: Tensor, synthesis: Synthesis) -> Mixture:
    """Draw lambda and the partners from torch's global generators. A GPU does not wait.

    Args:
        labels_B: class of each image.
        synthesis: distribution of lambda, and share of the images that are mixed.

    Example:
        >>> import torch
        >>> labels = torch.tensor([0, 0, 1])
        >>> mixture = draw_mixture(labels, Synthesis())
        >>> 0.0 <= mixture.share <= 1.0, labels[mixture.partners[:2]].tolist()
        (True, [1, 1])
    """
    share = float(torch.distributions.Beta(synthesis.alpha, synthesis.alpha).sample())
    count = round(synthesis.ratio * len(labels_B))
    other_SB = labels_B[:count, None] != labels_B
    draws_SB = torch.rand(other_SB.shape, device=labels_B.device)
    itself_S = torch.arange(count, device=labels_B.device)
    partners_S = torch.where(other_SB.any(1), draws_SB.masked_fill(~other_SB, -1.0).argmax(1), itself_S)
    return Mixture(share, partners_S)


@dataclass(frozen=True)
class People:
    """What a margin softmax tells apart: real people, and perhaps synthetic ones after them.

    Args:
        unit: embeddings (R, D) of length 1, or of 0.
        weight: class weights (Q, D), of any length.
        labels: class of each embedding (R,).
        mixture: how the synthetic ones were made; None without them.
        is_absent: whether a row of ``weight`` stands for nobody (Q,); None if each stands for a person.

    Example:
        >>> import torch
        >>> people = People(torch.eye(2), torch.eye(2), torch.tensor([0, 1]))
        >>> people.extend(torch.tensor([1.0, 3.0]))
        tensor([1., 3.])
        >>> add_synthetic(people, Mixture(0.5, torch.tensor([1, 0]))).extend(torch.tensor([1.0, 3.0]))
        tensor([1., 3., 2., 2.])
    """

    unit: Tensor
    weight: Tensor
    labels: Tensor
    mixture: Mixture | None = None
    is_absent: Tensor | None = None

    def extend(self, values_B: Tensor) -> Tensor:
        """Values of the real embeddings (B,), followed by their mixes for the synthetic ones: (R,)."""
        return values_B if self.mixture is None else torch.cat([values_B, self.mixture.of(values_B)])

    def present(self, softmax: MarginSoftmax) -> MarginSoftmax:
        """The margin softmax without the rows of ``weight`` that stand for nobody."""
        return softmax if self.is_absent is None else _without(self.is_absent, softmax)


def add_synthetic(people: People, mixture: Mixture) -> People:
    """Real people together with their mixes.

    Args:
        people: real people alone.
        mixture: which of them are mixed.

    Example:
        The mix of two people at right angles, half of each, lies between them. The second mix is of the same two.

        >>> import torch
        >>> people = People(torch.eye(2)[[0, 0, 1]], 5.0 * torch.eye(2), torch.tensor([0, 0, 1]))
        >>> both = add_synthetic(people, Mixture(0.5, torch.tensor([2, 2])))
        >>> both.labels
        tensor([0, 0, 1, 2, 2])
        >>> both.unit[3:], both.weight[2]
        (tensor([[0.7071, 0.7071],
                [0.7071, 0.7071]]), tensor([0.5000, 0.5000]))
    """
    unit_BD, weight_CD, labels_B = people.unit, people.weight.to(people.unit.dtype), people.labels
    labels_S, is_absent_S = mixture.labels(labels_B, len(weight_CD))
    return People(
        unit=torch.cat([unit_BD, directions(mixture.of(unit_BD))]),
        weight=torch.cat([weight_CD, mixture.of(directions(weight_CD[labels_B]))]),
        labels=torch.cat([labels_B, labels_S]),
        mixture=mixture,
        is_absent=torch.cat([is_absent_S.new_zeros(len(weight_CD)), is_absent_S]),
    )


def _without(is_absent_Q: Tensor, softmax: MarginSoftmax) -> MarginSoftmax:
    """A margin softmax in which some columns have no share."""

    def reweigh(product_NQ: Tensor, images: slice) -> tuple[Tensor, Tensor]:
        if softmax.reweigh is None:
            value_NQ, slope_NQ = product_NQ, torch.ones_like(product_NQ)
        else:
            value_NQ, slope_NQ = softmax.reweigh(product_NQ, images)
        return value_NQ.masked_fill(is_absent_Q, -torch.inf), slope_NQ

    return replace(softmax, reweigh=reweigh)
