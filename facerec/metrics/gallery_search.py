"""Probes that search a gallery which is given: several galleries, several entries of a person, and distractors.

Shapes: N entries and probes, Q probes whose person is in the gallery, G entries of a gallery, D embedding.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facerec.arrays import as_array, as_tensor, require_finite
from facerec.metrics.checks import DIVERGED
from facerec.metrics.curve import Floats
from facerec.metrics.identification import ROUNDING, Trials

PROBES_AT_ONCE = 256
PROBE = -1


class GallerySearch(NamedTuple):
    """What the probes found.

    Attributes:
        trials: rank of the right person and scores, see :class:`facerec.metrics.Trials`. Ranks count entries.
        average_precision: of each probe whose person is in the gallery (Q,).

    Example:
        >>> from facerec.metrics import search_galleries
        >>> found = search_galleries([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], labels_N=[7, 7, 8], galleries_N=[-1, 0, 0])
        >>> found.trials.ranks.tolist(), found.average_precision.tolist()
        ([1], [1.0])
    """

    trials: Trials
    average_precision: Floats


def search_galleries(embeddings_ND: ArrayLike, labels_N: ArrayLike, galleries_N: ArrayLike) -> GallerySearch:
    """Let every probe search every gallery by cosine.

    A probe is found at rank k if an entry of its person is among the first k; the entries of others with the same score
    come first. Of a person who is not in a gallery, the probes are strangers to it. The average precision of a probe is
    that of TinyFace's protocol (Cheng, Zhu and Gong, ACCV 2018): the mean, over the entries of the person, of the
    precision before and at each, (1/m) sum_i ((i-1)/(r_i-1) + i/r_i) / 2, where the i-th entry of m has rank r_i, and
    the precision before rank 1 is 1.

    Args:
        embeddings_ND: embeddings (N, D): a list, an array or a tensor.
        labels_N: person of each. A distractor has a person of its own.
        galleries_N: number of the gallery of each from 0, -1 for a probe, less for neither.

    Raises:
        ValueError: without a gallery or a probe, or if an embedding contains NaN or inf.

    Example:
        The probe of 7 finds its person behind a distractor.

        >>> from facerec.metrics import search_galleries
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]]
        >>> found = search_galleries(embeddings, labels_N=[7, 7, 8, 99], galleries_N=[-1, 0, 0, 0])
        >>> found.trials.ranks.tolist(), found.average_precision.tolist()
        ([2], [0.25])
    """
    require_finite("embeddings", embeddings_ND, DIVERGED)
    unit_ND = F.normalize(as_tensor(embeddings_ND).float().cpu())
    labels, galleries = as_array(labels_N), as_array(galleries_N)
    probes = np.flatnonzero(galleries == PROBE)
    numbers = np.unique(galleries[galleries > PROBE])
    if not len(probes) or not len(numbers):
        raise ValueError(f"{len(probes)} probes and {len(numbers)} galleries: give at least one of each")
    parts = [_search(unit_ND, labels, probes, np.flatnonzero(galleries == number)) for number in numbers]
    return GallerySearch(
        Trials(*(np.concatenate(column) for column in zip(*(trials for trials, _ in parts), strict=True))),
        np.concatenate([precision for _, precision in parts]),
    )


def _search(
    unit_ND: Tensor, labels_N: NDArray[np.int64], probes: NDArray[np.int64], entries: NDArray[np.int64]
) -> GallerySearch:
    """Search one gallery."""
    gallery_GD, labels_G = unit_ND[torch.from_numpy(entries)], labels_N[entries]
    order = np.argsort(labels_G, kind="stable")
    first, last = (np.searchsorted(labels_G[order], labels_N[probes], side=side) for side in ("left", "right"))
    ranks, own, precision = [], [], []
    strangers = np.full(len(probes), np.nan, dtype=np.float32)
    for start in range(0, len(probes), PROBES_AT_ONCE):
        part = probes[start : start + PROBES_AT_ONCE]
        scores_QG = (unit_ND[torch.from_numpy(part)] @ gallery_GD.T).numpy()
        for place, scores_G in enumerate(scores_QG, start):
            mine = order[first[place] : last[place]]
            if not len(mine):
                strangers[place] = scores_G.max()
                continue
            falling = np.sort(scores_G[mine])[::-1]
            scores_G[mine] = -np.inf
            others = np.array([np.count_nonzero(scores_G >= score - ROUNDING) for score in falling])
            ranks.append(others[0] + 1)
            own.append(falling[0])
            precision.append(_average_precision(others + np.arange(1, len(mine) + 1)))
    mated = last > first
    trials = Trials(
        np.array(ranks, dtype=np.int64),
        np.array(own, dtype=np.float32),
        strangers[~mated],
        labels_N[probes[mated]],
        labels_N[probes[~mated]],
    )
    return GallerySearch(trials, np.array(precision, dtype=np.float64))


def _average_precision(ranks: NDArray[np.int64]) -> float:
    """Of one search, from the ranks of the entries of the person, from the first."""
    found = np.arange(1, len(ranks) + 1)
    before = np.where(ranks > 1, (found - 1) / np.maximum(ranks - 1, 1), 1.0)
    return float(np.mean((before + found / ranks) / 2))
