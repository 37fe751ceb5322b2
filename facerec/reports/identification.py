"""Identification numbers of a set of images: does each find its person among all the others, or in a given gallery?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.metrics import (
    IdentificationIntervals,
    Interval,
    TpirAtFpir,
    Trials,
    bootstrap_identification,
    bootstrap_mean,
    cumulative_match,
    leave_one_out,
    search_galleries,
    tpir_at_fpir,
)

FPIRS = (1e-1, 1e-2)
LEAST_RANKED = 5  # people in a gallery: among fewer, everybody is in the first five
LONGEST_CMC = 50
RESAMPLED = 20_000_000  # scores in all, which takes seconds


@dataclass(frozen=True)
class TpirPoint:
    """Share of enrolled people identified correctly while a given share of strangers is wrongly accepted.

    Attributes:
        fpir: share of the strangers that may get a name.
        tpir: share of the probes that get their own name. NaN where it is not supported.
        threshold: lowest score that names a person. NaN where it is not supported.
        supported: whether the strangers are enough to expect 10 false names.
        interval_by_person: 95 % interval of the TPIR. None where it is not supported.
    """

    fpir: float
    tpir: float
    threshold: float
    supported: bool
    interval_by_person: Interval | None = None


@dataclass(frozen=True)
class Identification:
    """Identification by cosine, however the pairs are scored.

    Every image searches all others (:func:`facerec.metrics.leave_one_out`). In a set with a protocol of its own, the
    probes search its galleries (:func:`facerec.metrics.search_galleries`).

    Attributes:
        people: number of people in the gallery.
        probes: number of images searched for.
        strangers: number of searches by a person who is not in the gallery.
        cmc: share of the probes whose person is among the first k, for k = 1 to 50 at most.
        tpir: open set, one point for each FPIR.
        cmc_interval_by_person: 95 % interval of each share of the CMC.
        resamples: number of resamples behind the intervals.
        score: always ``cosine``.
        entries: number of entries of the galleries, or None where every image searches all others.
        mean_average_precision: over the probes of a gallery, else None.
        mean_average_precision_interval: its 95 % interval by person.

    Example:
        >>> import torch
        >>> from facerec.reports import evaluate
        >>> people, first = np.arange(20) // 4, np.arange(19)
        >>> pairs = np.stack([first, first + 1], axis=1)
        >>> result = evaluate(people[:-1] == people[1:], embeddings=torch.eye(5)[people], pairs=pairs, subjects=people)
        >>> result.identification.probes, result.identification.cmc_interval_by_person[0].high
        (20, 1.0)
    """

    people: int
    probes: int
    strangers: int
    cmc: list[float]
    tpir: list[TpirPoint]
    cmc_interval_by_person: list[Interval]
    resamples: int
    score: str = "cosine"
    entries: int | None = None
    mean_average_precision: float | None = None
    mean_average_precision_interval: Interval | None = None


def identify(
    embeddings_ND: Tensor | None,
    people_N: NDArray[np.int64] | None,
    fpirs: Sequence[float] = FPIRS,
    galleries_N: NDArray[np.int64] | None = None,
) -> tuple[Identification | None, str | None]:
    """Let every image search the gallery of all people, without itself and then without its person.

    Args:
        embeddings_ND: embedding of each image (N, D).
        people_N: person of each image (N,).
        fpirs: shares of strangers for the open set.
        galleries_N: number of the gallery of each image from 0, -1 for a probe, which then searches these galleries.

    Returns:
        The numbers and None, or None and the reason why there are none.

    Example:
        >>> import torch
        >>> people = np.arange(20) // 4
        >>> numbers, _ = identify(torch.eye(5)[people], people)
        >>> numbers.people, numbers.probes, numbers.cmc[0]
        (5, 20, 1.0)
        >>> identify(torch.eye(5), None)
        (None, 'people unknown')
    """
    if embeddings_ND is None:
        return None, "no embeddings"
    if people_N is None:
        return None, "people unknown"
    if galleries_N is not None:
        return _in_galleries(embeddings_ND, people_N, fpirs, galleries_N)
    count = len(np.unique(people_N))
    trials = leave_one_out(embeddings_ND, people_N) if count >= LEAST_RANKED else None
    if trials is None:
        return None, f"only {count} people" if count < LEAST_RANKED else "one image of each person"
    return _numbers(trials, count, count, fpirs), None


def _in_galleries(
    embeddings_ND: Tensor, people_N: NDArray[np.int64], fpirs: Sequence[float], galleries_N: NDArray[np.int64]
) -> tuple[Identification | None, str | None]:
    """The numbers of probes that search given galleries."""
    entries_N = galleries_N >= 0
    if not entries_N.any() or not (galleries_N == -1).any():
        return None, "no probes or no gallery"  # in a limited pass
    trials, precision = search_galleries(embeddings_ND, people_N, galleries_N)
    found = len(np.unique(trials.people))
    if found < LEAST_RANKED:
        return None, f"only {found} people"
    people, entries = len(np.unique(people_N[entries_N])), int(entries_N.sum())
    numbers = _numbers(trials, people, entries, fpirs)
    interval = bootstrap_mean(precision, trials.people, affordable_resamples(len(precision)))
    return replace(
        numbers,
        entries=entries,
        mean_average_precision=float(precision.mean()),
        mean_average_precision_interval=interval,
    ), None


def _numbers(trials: Trials, people: int, longest: int, fpirs: Sequence[float]) -> Identification:
    """The numbers of some searches, with ranks up to the length of a gallery."""
    longest = min(longest, LONGEST_CMC)
    searches, strangers = len(trials.ranks), len(trials.stranger_scores)
    intervals = bootstrap_identification(trials, longest, fpirs, affordable_resamples(searches + strangers))
    cmc = cumulative_match(trials.ranks, longest).tolist()
    points = _points(tpir_at_fpir(trials, fpirs), intervals)
    return Identification(people, searches, strangers, cmc, points, intervals.cmc, intervals.resamples)


def _points(open_set: Sequence[TpirAtFpir], intervals: IdentificationIntervals) -> list[TpirPoint]:
    return [TpirPoint(*point, interval) for point, interval in zip(open_set, intervals.tpir, strict=True)]


def affordable_resamples(count: int) -> int:
    """Number of resamples of so many scores that takes seconds: 1,000 up to 20,000 scores, fewer of more."""
    return max(100, min(1000, RESAMPLED // count))
