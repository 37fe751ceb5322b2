"""A set of pairs with their scores: what every number, table and figure of an evaluation is made from.

Shapes: P pairs, N images, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facerec.arrays import as_array, require_finite
from facerec.metrics import ScoreKind, VerificationCurve, pair_scores
from facerec.metrics.checks import check_scores
from facerec.settings import require_choice

GIVEN = "given"


class Named(Protocol):
    """Images that are named by their place."""

    def name(self, index: int) -> str:
        """What to call an image."""


class NamedImages(Named, Protocol):
    """Images that are read and named by their place, such as every source of ``facerec.data``."""

    def read(self, index: int) -> Tensor:
        """One image: uint8 (3, H, W), RGB."""


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """Scored pairs, and what is known of their images. :meth:`from_arrays` checks what it is given.

    Attributes:
        scores: score of each pair (P,). A higher score means more alike.
        same: whether each pair shows one person (P,).
        score: what the scores are, such as ``cosine``.
        pairs: rows of the two images of each pair (P, 2), or None where unknown.
        folds: fold of each pair (P,), or None without a protocol of folds.
        subjects: person of each row (N,), or None where unknown.
        embeddings: one row for each image (N, D), or None where unknown.
        images: place of each row in the source of the images (N,). By default row i is image i.
        names: what to call each row (N,), such as a template. By default the name of its image.
        galleries: number of the gallery of each row (N,): -1 for a probe, -2 for neither. By default all rows search
            all others.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> pairs.curve.equal_error_rate()
        (0.5, 0.45)
    """

    scores: NDArray[np.floating]
    same: NDArray[np.bool_]
    score: str = "cosine"
    pairs: NDArray[np.int64] | None = None
    folds: NDArray[np.int64] | None = None
    subjects: NDArray[np.int64] | None = None
    embeddings: Tensor | None = None
    images: NDArray[np.int64] | None = None
    names: Sequence[str] | None = None
    galleries: NDArray[np.int64] | None = None

    @classmethod
    def from_arrays(
        cls,
        same: ArrayLike,
        *,
        scores: ArrayLike | None = None,
        embeddings: ArrayLike | None = None,
        names: ArrayLike | None = None,
        pairs: ArrayLike | None = None,
        subjects: ArrayLike | None = None,
        people: ArrayLike | None = None,
        folds: ArrayLike | None = None,
        score: str | None = None,
        distance: bool = False,
    ) -> ScoredSet:
        """Check arrays, lists or tensors, and score the pairs if no scores are given.

        Args:
            same: whether each pair shows one person (P,), as booleans or as 0 and 1.
            scores: score of each pair (P,).
            embeddings: embedding of each image (N, D).
            names: name of each embedding (N,).
            pairs: rows of the two images of each pair (P, 2), or their names. Embeddings and subjects need them.
            subjects: person of each image (N,), by number or name.
            people: the two people of each pair (P, 2), by number or name, where images are unknown.
            folds: fold of each pair (P,).
            score: how to score embeddings, ``cosine`` (the default) or ``euclidean``; or the name of your scores.
            distance: whether a lower score means more alike. The scores of the set are then negative.

        Raises:
            ValueError: if lengths disagree, a number is not finite, a kind of pair is missing, or there is nothing to
                score.
        """
        if people is not None:
            pairs, subjects = _images_of_people(people, pairs, subjects, embeddings)
        if names is not None:
            pairs = _rows_of_names(names, pairs, embeddings)
        pairs_P2 = None if pairs is None else _pairs(pairs)
        embeddings_ND = None if embeddings is None else _embeddings(embeddings)
        subjects_N = None if subjects is None else np.unique(as_array(subjects), return_inverse=True)[1]
        _check_images(pairs_P2, embeddings_ND, subjects_N)
        if scores is None:
            if embeddings_ND is None or pairs_P2 is None:
                raise ValueError("nothing to measure: give scores (P,), or embeddings (N, D) and pairs (P, 2)")
            score = score or "cosine"
            if distance:
                raise ValueError("distance=True is for your own scores: those of embeddings rise with likeness already")
            scores = pair_scores(embeddings_ND, pairs_P2, _kind(score))
        elif distance:
            scores, score = -as_array(scores), f"negative {score or 'distance'}"
        scores_P, same_P = check_scores(as_array(scores), as_array(same))
        folds_P = None if folds is None else as_array(folds)
        for name, column in (("pairs", pairs_P2), ("folds", folds_P)):
            if column is not None and len(column) != len(same_P):
                raise ValueError(f"{len(column)} {name} and {len(same_P)} labels in same: give one for each pair")
        return cls(scores_P, same_P, score or GIVEN, pairs_P2, folds_P, subjects_N, embeddings_ND)

    @cached_property
    def curve(self) -> VerificationCurve:
        """Every error rate of the pairs. It is built once, because it sorts the scores."""
        return VerificationCurve(self.scores, self.same)

    @property
    def people(self) -> NDArray[np.int64] | None:
        """The two people of each pair (P, 2), or None where unknown."""
        return None if self.subjects is None or self.pairs is None else self.subjects[self.pairs]

    def place(self, row: int) -> int:
        """Place in the source of the image in a row."""
        return int(row if self.images is None else self.images[row])


@dataclass(frozen=True, eq=False)
class UnlabelledPairs:
    """Scored pairs of which nobody says who is on them: nothing can be measured.

    Attributes:
        scores: score of each pair (P,). A higher score means more alike.
        pairs: rows of the two images of each pair (P, 2).
        images: place of each row in the source of the images (N,). By default row i is image i.
        same: None, the labels.

    Example:
        >>> UnlabelledPairs(np.array([0.7]), np.array([[0, 1]]), np.array([3, 8])).place(1)
        8
    """

    scores: NDArray[np.floating]
    pairs: NDArray[np.int64]
    images: NDArray[np.int64] | None = None
    same: None = None

    def place(self, row: int) -> int:
        """Place in the source of the image in a row."""
        return int(row if self.images is None else self.images[row])


def _images_of_people(people: ArrayLike, *taken: ArrayLike | None) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Pairs and people of images, one image for each place in a pair."""
    people_P2 = as_array(people)
    if any(some is not None for some in taken):
        raise ValueError(
            "people= is for pairs whose images are unknown: with pairs= give subjects=, one for each image"
        )
    if people_P2.ndim != 2 or people_P2.shape[1] != 2:
        raise ValueError(f"people {people_P2.shape}: give the two people of each pair, (P, 2)")
    return np.arange(people_P2.size).reshape(-1, 2), people_P2.ravel()


def _rows_of_names(names: ArrayLike, pairs: ArrayLike | None, embeddings: ArrayLike | None) -> NDArray[np.int64]:
    """The rows of pairs that name their images.

    Raises:
        ValueError: with the number of names that have no embedding, or two.
    """
    known, wanted = as_array(names).tolist(), None if pairs is None else as_array(pairs)
    if embeddings is None or len(known) != len(as_array(embeddings)):
        count = "no" if embeddings is None else len(as_array(embeddings))
        raise ValueError(f"{len(known)} names and {count} embeddings: give one name for each embedding")
    row_of = {name: row for row, name in enumerate(known)}
    if len(row_of) < len(known):
        raise ValueError(f"{len(known) - len(row_of)} of {len(known)} names come twice: give each embedding its own")
    if wanted is None or wanted.ndim != 2 or wanted.shape[1] != 2:
        raise ValueError("names without pairs of them: give the names of the two images of each pair, (P, 2)")
    missing = sorted({name for name in wanted.ravel().tolist() if name not in row_of}, key=str)
    if missing:
        raise ValueError(f"{len(missing)} names in pairs have no embedding, such as {missing[0]!r}")
    return np.array([[row_of[name] for name in pair] for pair in wanted.tolist()], dtype=np.int64).reshape(-1, 2)


def _pairs(pairs: ArrayLike) -> NDArray[np.int64]:
    rows_P2 = as_array(pairs)
    if rows_P2.ndim != 2 or rows_P2.shape[1] != 2 or not np.issubdtype(rows_P2.dtype, np.integer):
        raise ValueError(f"pairs {rows_P2.shape} of {rows_P2.dtype}: give two rows for each pair, whole numbers (P, 2)")
    return rows_P2.astype(np.int64)


def _embeddings(embeddings: ArrayLike) -> Tensor:
    embeddings_ND = torch.from_numpy(as_array(embeddings).astype(np.float32))
    if embeddings_ND.ndim != 2:
        raise ValueError(f"embeddings {tuple(embeddings_ND.shape)}: give one row for each image, (N, D)")
    require_finite("embeddings", embeddings_ND)
    return embeddings_ND


def _check_images(
    pairs_P2: NDArray[np.int64] | None, embeddings_ND: Tensor | None, subjects_N: NDArray[np.int64] | None
) -> None:
    """See that embeddings and people are of the same images, and that every pair is of two of these.

    Raises:
        ValueError: if not.
    """
    counts = {
        name: len(rows) for name, rows in (("embeddings", embeddings_ND), ("subjects", subjects_N)) if rows is not None
    }
    if not counts:
        return
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"{counts['embeddings']} embeddings and {counts['subjects']} subjects: give one for each image"
        )
    [name, *_], [images, *_] = counts.keys(), counts.values()
    if pairs_P2 is None:
        raise ValueError(f"{name} without pairs: give the rows of the two images of each pair, (P, 2)")
    if pairs_P2.size and not 0 <= pairs_P2.min() <= pairs_P2.max() < images:
        raise ValueError(
            f"pairs name rows {pairs_P2.min()} to {pairs_P2.max()} and there are {images} {name}: count rows from 0"
        )


def _kind(score: str) -> ScoreKind:
    require_choice("evaluate", ("cosine", "euclidean"), score=score)
    return "euclidean" if score == "euclidean" else "cosine"
