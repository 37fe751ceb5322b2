"""People of few images, who are no classes of the classifier and help it by two views each in every batch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.data.sources import ImageSource
from facerec.settings import require_within


class Division(NamedTuple):
    """The people of a source: deep people, who are the classes, and shallow people, who are none.

    Attributes:
        deep: names of the deep people; the index is the class.
        shallow: names of the shallow people; the i-th has the label len(deep) + i.
        labels: label of each image (N,).
    """

    deep: list[str]
    shallow: list[str]
    labels: NDArray[np.int64]

    def deep_first(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Images in their order, those of deep people before the others, and the number of the former."""
        is_deep = self.labels[indices] < len(self.deep)
        return np.concatenate([indices[is_deep], indices[~is_deep]]), int(is_deep.sum())


@dataclass(frozen=True)
class Shallow:
    """People with few images stay outside the classifier, and a share of every batch shows two views of such people.

    A class of one or two images only fits its class weight to them (Du et al., ECCV 2020,
    https://arxiv.org/abs/2007.08398). For a loss that takes such people: ``DeepAndShallow``.

    Args:
        below: number of training images below which a person is shallow.
        share: share of a batch that shows shallow people, rounded to whole people of two views.

    Raises:
        ValueError: for ``below`` under 2, or a ``share`` outside (0, 1).

    Example:
        >>> shallow = Shallow(below=3, share=0.25)
        >>> shallow.people(batch_size=64)  # two views each: 16 of 64 images
        8
    """

    below: int = 4
    share: float = 0.25

    def __post_init__(self) -> None:
        require_within("data.shallow.", 2, np.inf, below=self.below)
        require_within("data.shallow.", 0.0, 1.0, low_excluded=True, high_excluded=True, share=self.share)

    def people(self, batch_size: int) -> int:
        """Number of shallow people in a batch, at least one.

        Raises:
            ValueError: if that leaves no place for others.
        """
        people = max(1, round(batch_size * self.share / 2.0))
        if 2 * people >= batch_size:
            raise ValueError(
                f"data.shallow.share={self.share:g} of data.batch_size={batch_size} leaves no place for people with "
                f"{self.below} or more images: lower the first or raise the second"
            )
        return people

    def divide(self, source: ImageSource) -> Division:
        """Divide the people of a source by their number of images. Each group keeps the order of the source.

        Raises:
            ValueError: if it has fewer than two deep people, or no shallow ones.
        """
        counts = np.bincount(source.labels, minlength=len(source.identities))
        is_deep = counts >= self.below
        if is_deep.sum() < 2:
            raise ValueError(
                f"data.shallow.below={self.below} leaves {is_deep.sum()} of {len(counts)} training people to the "
                "classifier, which needs two: lower it, or remove data.shallow"
            )
        if is_deep.all():
            raise ValueError(
                f"data.shallow.below={self.below}: every training person has as many images, so nobody is shallow. "
                "Raise it, or remove data.shallow"
            )
        order = np.concatenate([np.flatnonzero(is_deep), np.flatnonzero(~is_deep)])
        label_of = np.empty(len(order), dtype=np.int64)
        label_of[order] = np.arange(len(order))
        names = [source.identities[person] for person in order]
        return Division(names[: is_deep.sum()], names[is_deep.sum() :], label_of[source.labels])

    def told(self, division: Division, batch_size: int) -> str:
        """Who is shallow, and what becomes of them, in a sentence for the user."""
        deep, people = len(division.deep), self.people(batch_size)
        images = int((division.labels >= deep).sum())
        return (
            f"shallow people (fewer than {self.below} images): {len(division.shallow):,}, with {images:,} images. They "
            f"are no classes: every batch of {batch_size} shows {people} of them in two views each, beside "
            f"{batch_size - 2 * people} images of the {deep:,} others"
        )
