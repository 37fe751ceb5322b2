"""From two embeddings to a score: the higher, the more alike.

Shapes: N images, P pairs, C people of the cohort, D embedding.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facerec.arrays import as_array, as_tensor
from facerec.settings import require_choice

PAIRS_AT_ONCE = 256  # the rows of more would leave the cache, which takes twice the time

ScoreKind = Literal["cosine", "euclidean"]


def pair_scores(embeddings_ND: ArrayLike, pairs_P2: ArrayLike, kind: ScoreKind = "cosine") -> NDArray[np.float32]:
    """float32 scores of pairs (P,).

    Args:
        embeddings_ND: embeddings (N, D), as the network gives them: a list, an array or a tensor.
        pairs_P2: indices of the two images (P, 2).
        kind: ``cosine``, in [-1, 1]; or ``euclidean``, the negative distance, whose order differs from that of the
            cosine because lengths count.

    Raises:
        ValueError: for another kind.

    Example:
        >>> from facerec.metrics import pair_scores
        >>> pair_scores([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]], [[0, 1], [0, 2]], kind="euclidean").tolist()
        [-5.0, -5.0]
    """
    require_choice("pair_scores", ("cosine", "euclidean"), kind=kind)
    if kind == "cosine":
        return cosine_scores(embeddings_ND, pairs_P2)
    return _by_block(lambda first, second: -(first - second).norm(dim=1), as_tensor(embeddings_ND).float(), pairs_P2)


def cosine_scores(embeddings_ND: ArrayLike, pairs_P2: ArrayLike) -> NDArray[np.float32]:
    """float32 cosine of the two embeddings of each pair (P,), in [-1, 1]; NaN where one is NaN.

    Args:
        embeddings_ND: embeddings (N, D): a list, an array or a tensor.
        pairs_P2: indices of the two images (P, 2).

    Example:
        >>> from facerec.metrics import cosine_scores
        >>> cosine_scores([[2.0, 0.0], [0.0, 5.0], [1.0, 0.0]], [[0, 1], [0, 2]]).tolist()
        [0.0, 1.0]
    """
    unit_ND = F.normalize(as_tensor(embeddings_ND).float())
    return _by_block(lambda first, second: (first * second).sum(1), unit_ND, pairs_P2)


def _by_block(
    score: Callable[[Tensor, Tensor], Tensor], embeddings_ND: Tensor, pairs_P2: ArrayLike
) -> NDArray[np.float32]:
    """Scores of pairs (P,), some at a time: the rows of millions of pairs would not fit into memory."""
    pairs = torch.from_numpy(np.ascontiguousarray(as_array(pairs_P2).T, dtype=np.int64)).to(embeddings_ND.device)
    scores_P = np.empty(pairs.shape[1], dtype=np.float32)
    for start in range(0, len(scores_P), PAIRS_AT_ONCE):
        first, second = pairs[:, start : start + PAIRS_AT_ONCE]
        scores_P[start : start + PAIRS_AT_ONCE] = as_array(
            score(embeddings_ND.index_select(0, first), embeddings_ND.index_select(0, second))
        )
    return scores_P


def normalise_scores(
    scores_P: ArrayLike,
    embeddings_ND: ArrayLike,
    pairs_P2: ArrayLike,
    cohort_CD: ArrayLike,
    nearest: int = 200,
) -> NDArray[np.float32]:
    """Adaptive symmetric score normalisation, AS-norm (Matejka et al., Interspeech 2017, AS-norm1, section 2).

    Each image is scored with the people of the cohort nearest to it, which gives a mean and a standard deviation. The
    score s of a pair becomes (s - mean) / std, once with each image's numbers, and the two are averaged. So the scores
    of people who look like many strangers fall.

    Args:
        scores_P: cosines to normalise (P,).
        embeddings_ND: embeddings (N, D).
        pairs_P2: indices of the two images (P, 2).
        cohort_CD: one embedding for each of other people, such as the training people (C, D).
        nearest: how many of the cohort count for an image; all, if there are fewer.

    Raises:
        ValueError: if fewer than two of the cohort would count.

    Example:
        Each image has the cosines 1 and 0 with the cohort, of mean 0.5 and deviation 0.707: (0 - 0.5) / 0.707.

        >>> from facerec.metrics import normalise_scores
        >>> normalise_scores([0.0], [[1.0, 0.0], [0.0, 1.0]], [[0, 1]], cohort_CD=[[3.0, 0.0], [0.0, 3.0]]).round(3)
        array([-0.707], dtype=float32)
    """
    cohort = as_tensor(cohort_CD).float()
    nearest = min(nearest, len(cohort))
    if nearest < 2:
        raise ValueError(f"score normalisation against {nearest} people: a spread needs at least 2 of them")
    with_cohort_NC = F.normalize(as_tensor(embeddings_ND).float()) @ F.normalize(cohort).T
    top_NK = with_cohort_NC.topk(nearest, dim=1).values
    mean_N, std_N = as_array(top_NK.mean(1)), as_array(top_NK.std(1).clamp(min=1e-6))
    scores, (first_P, second_P) = as_array(scores_P), as_array(pairs_P2).T
    by_first_P = (scores - mean_N[first_P]) / std_N[first_P]
    by_second_P = (scores - mean_N[second_P]) / std_N[second_P]
    return np.asarray(0.5 * (by_first_P + by_second_P), dtype=np.float32)
