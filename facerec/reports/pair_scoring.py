"""From the embeddings of a set of pairs to its scores.

Shapes: N images of the set that were embedded, D embedding dimension, P pairs, C people to normalise by.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.sources import PairSource
from facerec.data.templates import Templates
from facerec.metrics.pooling import pool_templates
from facerec.metrics.scores import ScoreKind, normalise_scores, pair_scores
from facerec.reports.scored import ScoredSet, UnlabelledPairs

SAME_SCORE = 1e-6  # scores that differ by less are equal: cosines in float32


def score_set(
    source: PairSource,
    counted_P: NDArray[np.bool_],
    indices_N: Tensor,
    embeddings_ND: Tensor,
    name: str,
    score: ScoreKind = "cosine",
    cohort_CD: Tensor | None = None,
    as_norm: int | None = None,
) -> ScoredSet | UnlabelledPairs:
    """Score the pairs that count and whose images were embedded, which are all images except in a limited pass.

    Images of templates are pooled first.

    Args:
        source: the pairs.
        counted_P: whether each pair counts; a repeated one does not.
        indices_N: which images of the source were embedded, in rising order.
        embeddings_ND: their embeddings.
        name: what the scores are called.
        score: how two embeddings are compared.
        cohort_CD: directions of people to normalise the scores by, with ``as_norm`` of them for each image.
        as_norm: see ``cohort_CD``.
    """
    same, folds, subjects, galleries = source.same, source.folds, source.subjects, source.galleries
    rows = images = indices_N.numpy()
    templates = source.templates
    if templates is not None:
        rows, embeddings_ND = pooled(templates, images, embeddings_ND)
        images = templates.first[rows]
    pairs, kept = pairs_among(rows, source.pairs)
    if same is not None:
        pairs, kept = pairs[counted_P[kept]], kept & counted_P
    scores = pair_scores(embeddings_ND, pairs, score)
    if cohort_CD is not None and as_norm is not None:
        scores = normalise_scores(scores, embeddings_ND, pairs, cohort_CD, as_norm)
    if same is None:
        return UnlabelledPairs(scores, pairs, images)
    return ScoredSet(
        scores,
        same[kept],
        name,
        pairs=pairs,
        folds=None if folds is None else folds[kept],
        subjects=None if subjects is None else subjects[rows],
        embeddings=embeddings_ND,
        images=images,
        names=None if templates is None else [templates.names[row] for row in rows.tolist()],
        galleries=None if galleries is None else galleries[rows],
    )


def pooled(
    templates: Templates, images_N: NDArray[np.int64], embeddings_ND: Tensor
) -> tuple[NDArray[np.int64], Tensor]:
    """The templates all of whose images were embedded, in rising order (T,), and their embeddings (T, D).

    Args:
        templates: which images are in which template.
        images_N: images that were embedded, in rising order.
        embeddings_ND: their embeddings.
    """
    complete_T = templates.complete(images_N)
    chosen_M = complete_T[templates.owners]
    scores_M = templates.weights
    made_TD = pool_templates(
        embeddings_ND,
        np.searchsorted(images_N, templates.images[chosen_M]),
        np.searchsorted(rows := np.flatnonzero(complete_T), templates.owners[chosen_M]),
        templates.media[chosen_M] if templates.pooling.mean_of_media else None,
        None if scores_M is None else scores_M[chosen_M],
        weigh_by_length=templates.pooling.weigh_by_length,
    )
    return rows, made_TD


def with_scores(
    source: PairSource, counted_P: NDArray[np.bool_], scores_P: NDArray[np.floating], name: str
) -> ScoredSet:
    """The labelled pairs that count, with scores of their own.

    Args:
        source: the pairs.
        counted_P: whether each pair counts.
        scores_P: score of each pair, a higher one for more alike.
        name: what the scores are called.
    """
    assert source.same is not None
    return ScoredSet(
        scores_P[counted_P],
        source.same[counted_P],
        name,
        pairs=source.pairs[counted_P],
        folds=None if source.folds is None else source.folds[counted_P],
        subjects=source.subjects,
    )


def is_constant(sets: Iterable[ScoredSet]) -> bool:
    """Whether all pairs of some sets have one score.

    Example:
        >>> is_constant([ScoredSet.from_arrays([1, 0], scores=[0.9, 0.9])])
        True
    """
    scores_P = np.concatenate([scored.scores for scored in sets])
    return bool(scores_P.max() - scores_P.min() < SAME_SCORE)


def pairs_among(
    indices_N: NDArray[np.int64], pairs_P2: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pairs whose two images are both among ``indices_N``, by position in it; and which pairs these are (P,)."""
    positions = np.searchsorted(indices_N, pairs_P2).clip(max=len(indices_N) - 1)
    there_P: NDArray[np.bool_] = (indices_N[positions] == pairs_P2).all(1)
    return positions[there_P], there_P
