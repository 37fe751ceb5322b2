"""From two embeddings to a score: the higher, the more alike.

Shapes: N images, P pairs, C people of the cohort, D embedding.
"""

from typing import Literal

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

ScoreKind = Literal["cosine", "euclidean"]


def pair_scores(embeddings_ND: Tensor, pairs_P2: NDArray[np.int64], kind: ScoreKind = "cosine") -> NDArray[np.float32]:
    """float32 scores of pairs (P,).

    Args:
        embeddings_ND: embeddings (N, D), as the network gives them.
        pairs_P2: indices of the two images (P, 2).
        kind: ``cosine``, in [-1, 1]; or ``euclidean``, the negative distance, whose order differs from that of the
            cosine because lengths count.

    Raises:
        ValueError: for another kind.
    """
    embeddings_ND = embeddings_ND.float()
    if kind == "euclidean":
        distances = (embeddings_ND[pairs_P2[:, 0]] - embeddings_ND[pairs_P2[:, 1]]).norm(dim=1)
        return np.asarray(-distances.numpy())
    if kind != "cosine":
        raise ValueError(f"score {kind!r}: choose 'cosine' or 'euclidean'")
    return cosine_scores(embeddings_ND, pairs_P2)


def cosine_scores(embeddings_ND: Tensor, pairs_P2: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 cosine of the two embeddings of each pair (P,), in [-1, 1]; NaN where one is NaN."""
    unit_ND = F.normalize(embeddings_ND.float())
    scores: NDArray[np.float32] = (unit_ND[pairs_P2[:, 0]] * unit_ND[pairs_P2[:, 1]]).sum(1).numpy()
    return scores


def normalise_scores(
    scores_P: NDArray[np.float32],
    embeddings_ND: Tensor,
    pairs_P2: NDArray[np.int64],
    cohort_CD: Tensor,
    nearest: int = 200,
) -> NDArray[np.float32]:
    """Adaptive symmetric score normalisation, AS-norm (Matejka et al., Interspeech 2017, AS-norm1, section 2).

    Of each image the mean and standard deviation of its scores with the people of the cohort that are nearest to it
    are taken; the score of a pair is measured in both, (s - mean) / std, and the two are averaged. Who looks like
    many strangers gets a stricter threshold by it.

    Args:
        scores_P: cosines to normalise (P,).
        embeddings_ND: embeddings (N, D).
        pairs_P2: indices of the two images (P, 2).
        cohort_CD: one embedding for each of other people, such as the training people (C, D).
        nearest: how many of the cohort count for an image; all, if there are fewer.

    Raises:
        ValueError: if fewer than two of the cohort would count.
    """
    nearest = min(nearest, len(cohort_CD))
    if nearest < 2:
        raise ValueError(f"score normalisation against {nearest} people: a spread needs at least 2 of them")
    with_cohort_NC = F.normalize(embeddings_ND.float()) @ F.normalize(cohort_CD.float()).T
    top_NK = with_cohort_NC.topk(nearest, dim=1).values
    mean_N, std_N = top_NK.mean(1).numpy(), top_NK.std(1).clamp(min=1e-6).numpy()
    first, second = pairs_P2[:, 0], pairs_P2[:, 1]
    return np.asarray(
        0.5 * ((scores_P - mean_N[first]) / std_N[first] + (scores_P - mean_N[second]) / std_N[second]),
        dtype=np.float32,
    )
