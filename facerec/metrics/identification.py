"""Identification: whose face is it, of the people in a gallery?

Closed set: every probe's person is in the gallery. Open set: some are not, and the right answer to those is "no
correspondence", which is given where the best score is below the threshold.

Shapes: N images, Q probes, G people in the gallery, D embedding.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facerec.embeddings import require_finite
from facerec.metrics.ranking import check_finite
from facerec.metrics.verification import is_supported

PROBES_AT_ONCE = 1024
ROUNDING = 1e-6  # of a cosine in float32: one that is made in two ways differs by no more, and is a tie


class TpirAtFpir(NamedTuple):
    """How many people of the gallery are named, where few strangers are.

    Attributes:
        fpir: the false positive identification rate asked for: share of strangers that get a name.
        tpir: share of the gallery's people that get their own name; NaN where it is not supported.
        threshold: lowest score that names somebody, infinite if none does; NaN where it is not supported.
        supported: whether the strangers are enough to expect 10 false names.
    """

    fpir: float
    tpir: float
    threshold: float
    supported: bool


class Trials(NamedTuple):
    """What identification is counted from: one search of the gallery for each probe.

    Attributes:
        ranks: place of the right person (Q,), from 1; a person with the same score as another comes after them.
        own_scores: score of the right person (Q,).
        stranger_scores: best score of a search by someone who is not in the gallery (S,).
        people: label of each probe (Q,).
        stranger_people: label of each stranger (S,).
    """

    ranks: NDArray[np.int64]
    own_scores: NDArray[np.float32]
    stranger_scores: NDArray[np.float32]
    people: NDArray[np.int64]
    stranger_people: NDArray[np.int64]


def gallery_templates(embeddings_ND: Tensor, labels_N: ArrayLike) -> tuple[Tensor, NDArray[np.int64]]:
    """The direction of the mean of each person's normalised embeddings (G, D), and the people's labels (G,), sorted.

    Raises:
        ValueError: if an embedding is not finite.
    """
    require_finite(embeddings_ND)
    people_G, position_N = np.unique(np.asarray(labels_N), return_inverse=True)
    sums_GD = embeddings_ND.new_zeros(len(people_G), embeddings_ND.shape[1])
    sums_GD.index_add_(0, torch.from_numpy(position_N), F.normalize(embeddings_ND))
    return F.normalize(sums_GD), people_G.astype(np.int64)


def search(scores_QG: ArrayLike, probe_labels_Q: ArrayLike, gallery_labels_G: ArrayLike) -> Trials:
    """Search a gallery for probes; those whose label is not in it are the strangers.

    Args:
        scores_QG: score of each probe with each person of the gallery (Q, G).
        probe_labels_Q: person of each probe.
        gallery_labels_G: person of each column, each once.

    Raises:
        ValueError: if a person has two columns, the lengths differ or a score is not finite.
    """
    scores = np.asarray(scores_QG)
    probes, gallery = np.asarray(probe_labels_Q), np.asarray(gallery_labels_G)
    if scores.shape != (len(probes), len(gallery)):
        raise ValueError(f"scores {scores.shape}: expected ({len(probes)}, {len(gallery)}), probes by gallery")
    check_finite(scores.ravel())
    people, column = np.unique(gallery, return_index=True)
    if len(people) < len(gallery):
        raise ValueError(f"{len(gallery)} columns for {len(people)} people: a gallery holds one template of each")
    place = np.searchsorted(people, probes).clip(max=len(people) - 1)
    enrolled = people[place] == probes
    own = scores[enrolled, column[place[enrolled]]]
    ranks = (scores[enrolled] >= own[:, None]).sum(1)
    best = scores[~enrolled].max(1) if len(gallery) else scores[:, 0]
    return Trials(ranks.astype(np.int64), own, best, probes[enrolled], probes[~enrolled])


def leave_one_out(embeddings_ND: Tensor, labels_N: ArrayLike) -> Trials | None:
    """Every image searches the gallery of all people twice: without itself, and as a stranger, without its person.

    In the first search the template of its own person is the mean over the person's other images. An image that is its
    person's only one makes the second search alone. So all the data is used, and nothing is drawn by chance.

    Args:
        embeddings_ND: embeddings (N, D).
        labels_N: person of each image (N,).

    Returns:
        The trials, or None with fewer than two people or nobody with two images.

    Raises:
        ValueError: if an embedding is not finite.
    """
    require_finite(embeddings_ND)
    unit_ND = F.normalize(embeddings_ND.float())
    labels = np.asarray(labels_N)
    _, position_N = np.unique(labels, return_inverse=True)
    images_G = np.bincount(position_N)
    if len(images_G) < 2 or images_G.max() < 2:
        return None
    sums_GD = unit_ND.new_zeros(len(images_G), unit_ND.shape[1])
    sums_GD.index_add_(0, torch.from_numpy(position_N), unit_ND)
    templates_GD = F.normalize(sums_GD)
    own_N = (unit_ND * F.normalize(sums_GD[position_N] - unit_ND)).sum(1)
    ranks, strangers = [], []
    for start in range(0, len(unit_ND), PROBES_AT_ONCE):
        part = slice(start, start + PROBES_AT_ONCE)
        scores_QG = unit_ND[part] @ templates_GD.T
        scores_QG[torch.arange(len(scores_QG)), torch.from_numpy(position_N[part])] = -math.inf
        ranks.append(1 + (scores_QG >= own_N[part, None] - ROUNDING).sum(1))
        strangers.append(scores_QG.max(1).values)
    mated_N = images_G[position_N] > 1
    return Trials(
        torch.cat(ranks).numpy()[mated_N], own_N.numpy()[mated_N], torch.cat(strangers).numpy(), labels[mated_N], labels
    )


def cumulative_match(ranks_Q: ArrayLike, up_to: int) -> NDArray[np.float64]:
    """Share of probes whose person is among the first k, for k = 1 to ``up_to`` (the CMC curve).

    Raises:
        ValueError: without probes.
    """
    ranks = np.asarray(ranks_Q)
    if not len(ranks) or up_to < 1:
        raise ValueError(f"{len(ranks)} probes and ranks up to {up_to}: give at least one of each")
    return np.asarray(np.cumsum(np.bincount(ranks, minlength=up_to + 1)[1 : up_to + 1]) / len(ranks))


def tpir_at_fpir(trials: Trials, fpirs: Sequence[float]) -> list[TpirAtFpir]:
    """Open set: share of probes named rightly at the lowest threshold that names at most a share of the strangers.

    A probe is named rightly if its person comes first and scores at least the threshold; below it the answer is
    "no correspondence". (ISO/IEC 19795-1; Grother and Ngan, NIST FRVT.)

    Args:
        trials: the searches.
        fpirs: shares in (0, 1] of the strangers.

    Raises:
        ValueError: for a share outside (0, 1].
    """
    strangers = np.sort(trials.stranger_scores)[::-1]
    results = []
    for fpir in fpirs:
        if not len(trials.ranks) or not is_supported(fpir, len(strangers)):
            results.append(TpirAtFpir(fpir, math.nan, math.nan, False))
            continue
        named = math.floor(fpir * len(strangers) + 1e-9)
        first_refused = float(strangers[named]) if named < len(strangers) else -math.inf
        right = (trials.ranks == 1) & (trials.own_scores > first_refused)
        above = np.concatenate([trials.own_scores, strangers])
        above = above[above > first_refused]
        threshold = float(above.min()) if len(above) else math.inf
        results.append(TpirAtFpir(fpir, float(right.mean()), threshold, True))
    return results
