"""Identification: whose face is it, of the people in a gallery?

Closed set: every probe's person is in the gallery. Open set: some are not, and the right answer for them is "no
correspondence". It is given where the best score is below the threshold.

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

from facerec.arrays import as_array, as_tensor, require_finite
from facerec.metrics.checks import DIVERGED
from facerec.metrics.curve import count_allowed, is_supported

PROBES_AT_ONCE = 1024
ROUNDING = 1e-6  # of a cosine in float32: one that is made in two ways differs by no more, and is a tie


class TpirAtFpir(NamedTuple):
    """Share of enrolled people identified correctly while a given share of strangers is wrongly accepted.

    Attributes:
        fpir: the false positive identification rate asked for: share of strangers that get a name.
        tpir: share of probes of enrolled people that get the right name; NaN where it is not supported.
        threshold: lowest score that gives a name, infinite if none does; NaN where it is not supported.
        supported: whether the strangers are enough to expect 10 false names.

    Example:
        >>> from facerec.metrics import search, tpir_at_fpir
        >>> trials = search([[0.9], [0.3]] + [[0.5]] * 10 + [[0.4]] * 10, [7, 7] + [8] * 20, [7])
        >>> tpir_at_fpir(trials, [0.5])
        [TpirAtFpir(fpir=0.5, tpir=0.5, threshold=0.5, supported=True)]
    """

    fpir: float
    tpir: float
    threshold: float
    supported: bool


class Trials(NamedTuple):
    """Searches of a gallery: all that the identification numbers need.

    Attributes:
        ranks: place of the right person (Q,), from 1; the right person comes after others with the same score.
        own_scores: score of the right person (Q,).
        stranger_scores: best score of a search by someone who is not in the gallery (S,).
        people: label of each probe (Q,).
        stranger_people: label of each stranger (S,).

    Example:
        >>> from facerec.metrics import search
        >>> trials = search([[0.9, 0.3], [0.6, 0.4]], probe_labels_Q=[7, 9], gallery_labels_G=[7, 8])
        >>> trials.people.tolist(), trials.ranks.tolist(), trials.own_scores.tolist()
        ([7], [1], [0.9])
        >>> trials.stranger_people.tolist(), trials.stranger_scores.tolist()
        ([9], [0.6])
    """

    ranks: NDArray[np.int64]
    own_scores: NDArray[np.float32]
    stranger_scores: NDArray[np.float32]
    people: NDArray[np.int64]
    stranger_people: NDArray[np.int64]


def gallery_templates(embeddings_ND: ArrayLike, labels_N: ArrayLike) -> tuple[Tensor, NDArray[np.int64]]:
    """One template for each person: the direction of the mean of the person's normalised embeddings.

    Args:
        embeddings_ND: embeddings (N, D): a list, an array or a tensor.
        labels_N: person of each image (N,).

    Returns:
        Templates (G, D), and the labels of their people (G,), sorted.

    Raises:
        ValueError: if an embedding contains NaN or inf.

    Example:
        >>> from facerec.metrics import gallery_templates
        >>> templates, people = gallery_templates([[3.0, 0.0], [0.0, 4.0], [-2.0, 0.0]], labels_N=[7, 7, 4])
        >>> people.tolist(), templates.double().numpy().round(3).tolist()
        ([4, 7], [[-1.0, 0.0], [0.707, 0.707]])
    """
    require_finite("embeddings", embeddings_ND, DIVERGED)
    unit_ND = F.normalize(as_tensor(embeddings_ND))
    people_G, position_N = np.unique(as_array(labels_N), return_inverse=True)
    return F.normalize(_sum_by_person(unit_ND, position_N)), people_G.astype(np.int64)


def _sum_by_person(unit_ND: Tensor, position_N: NDArray[np.int64]) -> Tensor:
    """Sums of each person's embeddings (G, D), of people numbered from 0."""
    sums_GD = unit_ND.new_zeros(int(position_N.max()) + 1, unit_ND.shape[1])
    return sums_GD.index_add_(0, torch.from_numpy(position_N).to(unit_ND.device), unit_ND)


def search(scores_QG: ArrayLike, probe_labels_Q: ArrayLike, gallery_labels_G: ArrayLike) -> Trials:
    """Search a gallery for probes; those whose label is not in it are the strangers.

    Args:
        scores_QG: score of each probe with each person of the gallery (Q, G).
        probe_labels_Q: person of each probe.
        gallery_labels_G: person of each column, each once.

    Raises:
        ValueError: if a person has two columns, the lengths differ or a score is NaN or inf.

    Example:
        The second probe's own person, 8, scores 0.4 and comes after person 7.

        >>> from facerec.metrics import search
        >>> search([[0.9, 0.3], [0.6, 0.4]], probe_labels_Q=[7, 8], gallery_labels_G=[7, 8]).ranks.tolist()
        [1, 2]
    """
    scores = as_array(scores_QG)
    probes, gallery = as_array(probe_labels_Q), as_array(gallery_labels_G)
    if scores.shape != (len(probes), len(gallery)):
        raise ValueError(f"scores {scores.shape}: expected ({len(probes)}, {len(gallery)}), probes by gallery")
    require_finite("scores", scores.ravel(), DIVERGED)
    people, column = np.unique(gallery, return_index=True)
    if len(people) < len(gallery):
        raise ValueError(f"{len(gallery)} columns for {len(people)} people: a gallery holds one template of each")
    place = np.searchsorted(people, probes).clip(max=len(people) - 1)
    enrolled = people[place] == probes
    own = scores[enrolled, column[place[enrolled]]]
    ranks = (scores[enrolled] >= own[:, None]).sum(1)
    best = scores[~enrolled].max(1) if len(gallery) else scores[:, 0]
    return Trials(ranks.astype(np.int64), own, best, probes[enrolled], probes[~enrolled])


def leave_one_out(embeddings_ND: ArrayLike, labels_N: ArrayLike) -> Trials | None:
    """Every image searches the gallery of all people twice: without itself, and as a stranger, without its person.

    In the first search the template of its own person is the mean over the person's other images. The only image of a
    person makes the second search alone. So all data is used, and nothing is drawn by chance.

    Args:
        embeddings_ND: embeddings (N, D): a list, an array or a tensor.
        labels_N: person of each image (N,).

    Returns:
        The trials, or None with fewer than two people or nobody with two images.

    Raises:
        ValueError: if an embedding contains NaN or inf.

    Example:
        >>> from facerec.metrics import leave_one_out
        >>> trials = leave_one_out([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], labels_N=[7, 7, 8, 8])
        >>> trials.ranks.tolist(), trials.own_scores.tolist(), trials.stranger_scores.tolist()
        ([1, 1, 1, 1], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    """
    require_finite("embeddings", embeddings_ND, DIVERGED)
    unit_ND = F.normalize(as_tensor(embeddings_ND).float().cpu())
    labels = as_array(labels_N)
    _, position_N = np.unique(labels, return_inverse=True)
    images_G = np.bincount(position_N)
    if len(images_G) < 2 or images_G.max() < 2:
        return None
    sums_GD = _sum_by_person(unit_ND, position_N)
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

    Args:
        ranks_Q: place of each probe's own person (Q,), from 1.
        up_to: the longest list of people that counts.

    Raises:
        ValueError: without probes.

    Example:
        >>> from facerec.metrics import cumulative_match
        >>> cumulative_match([1, 2, 1, 5], up_to=3).tolist()
        [0.5, 0.75, 0.75]
    """
    ranks = as_array(ranks_Q)
    if not len(ranks) or up_to < 1:
        raise ValueError(f"{len(ranks)} probes and ranks up to {up_to}: give at least one of each")
    return np.asarray(np.cumsum(np.bincount(ranks, minlength=up_to + 1)[1 : up_to + 1]) / len(ranks))


def tpir_at_fpir(trials: Trials, fpirs: Sequence[float]) -> list[TpirAtFpir]:
    """Open set: share of probes named correctly at the lowest threshold that names at most a share of the strangers.

    A probe is named correctly if its person comes first and scores at least the threshold. Below it the answer is
    "no correspondence". (ISO/IEC 19795-1; Grother and Ngan, NIST FRVT.)

    Args:
        trials: the searches.
        fpirs: shares in (0, 1] of the strangers.

    Raises:
        ValueError: for a share outside (0, 1].

    Example:
        Ten of 20 strangers may get a name, which puts the threshold at 0.5. One of two probes scores as much.

        >>> from facerec.metrics import search, tpir_at_fpir
        >>> trials = search([[0.9], [0.3]] + [[0.5]] * 10 + [[0.4]] * 10, [7, 7] + [8] * 20, [7])
        >>> half, tenth = tpir_at_fpir(trials, [0.5, 0.1])
        >>> half.tpir, half.threshold, tenth.supported
        (0.5, 0.5, False)
    """
    strangers = np.sort(trials.stranger_scores)[::-1]
    results = []
    for fpir in fpirs:
        if not len(trials.ranks) or not is_supported(fpir, len(strangers), "FPIR"):
            results.append(TpirAtFpir(fpir, math.nan, math.nan, False))
            continue
        named = count_allowed(fpir, len(strangers))
        first_refused = float(strangers[named]) if named < len(strangers) else -math.inf
        right = (trials.ranks == 1) & (trials.own_scores > first_refused)
        above = np.concatenate([trials.own_scores, strangers])
        above = above[above > first_refused]
        threshold = float(above.min()) if len(above) else math.inf
        results.append(TpirAtFpir(fpir, float(right.mean()), threshold, True))
    return results
