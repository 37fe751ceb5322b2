"""Templates: several images of a person that count as one, and how they are pooled.

Shapes: M memberships of an image in a template, T templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pooling:
    """How the images of a template become one embedding. The mirror image is up to ``model.flip_test``.

    Attributes:
        mean_of_media: whether the images of one medium are averaged first, so that a video counts as one photograph.
        weigh_by_score: whether an image weighs as much as the score of the face detector says, where there are scores.
        weigh_by_length: whether an image weighs as much as the length of its embedding; else all are of length 1.

    Example:
        >>> Pooling(weigh_by_score=False)
        Pooling(mean_of_media=True, weigh_by_score=False, weigh_by_length=True)
    """

    mean_of_media: bool = True
    weigh_by_score: bool = True
    weigh_by_length: bool = True


@dataclass(frozen=True, eq=False)
class Templates:
    """Which images are in which template.

    Attributes:
        names: of the templates (T,).
        images: index of the image of each membership (M,).
        owners: number of the template of each membership (M,).
        media: number of the medium of each membership (M,).
        scores: score of the detector of each membership (M,), or None where unknown.
        pooling: how images become one embedding.

    Raises:
        ValueError: naming the first template without an image, or whose scores are all 0.

    Example:
        >>> Templates(["7"], np.array([0, 1]), np.array([0, 0]), np.array([5, 5])).first.tolist()
        [0]
    """

    names: Sequence[str]
    images: NDArray[np.int64]
    owners: NDArray[np.int64]
    media: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None
    pooling: Pooling = field(default_factory=Pooling)

    def __post_init__(self) -> None:
        weights_M = np.ones(len(self.owners)) if self.weights is None else self.weights
        totals_T = np.bincount(self.owners, weights_M, minlength=len(self.names))
        if len(empty := np.flatnonzero(totals_T <= 0)):
            raise ValueError(f"template {self.names[int(empty[0])]!r} has no image, or all its detector scores are 0")

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """Weight of each membership by the detector (M,), or None if all weigh the same."""
        return self.scores if self.pooling.weigh_by_score else None

    @property
    def first(self) -> NDArray[np.int64]:
        """The first image of each template (T,), which stands for it in figures."""
        places = np.unique(self.owners, return_index=True)[1]
        return self.images[places]

    def complete(self, images: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether all images of each template (T,) are among ``images``, which rise."""
        missing_M = ~np.isin(self.images, images)
        return np.asarray(np.bincount(self.owners, missing_M, minlength=len(self.names)) == 0)
