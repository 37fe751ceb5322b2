"""The kept scores of runs that repeat one another, side by side for each fold of test people.

Shapes: P pairs, S seeds, N networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import FoldScores
from facerec.metrics.curve import Floats
from facerec.reports.kept_scores import KeptScores, MeasuredRun

Repeat = Sequence[MeasuredRun]
"""The runs of one seed and fold: one of each network."""


def fold_scores(name: str, repeats: Sequence[Repeat]) -> list[FoldScores]:
    """Scores of all networks (N, S, P) on a set of pairs, for each fold of test people.

    Repeats that share an image are of one fold.

    Args:
        name: of the set of pairs.
        repeats: the runs of each seed and fold, the networks always in the same order.

    Raises:
        ValueError: if networks were tested on other pairs or people, or folds with other numbers of seeds.
    """
    kept = [[_Kept(run.name, run.scores(name)) for run in repeat] for repeat in repeats]
    folds = [_of_fold(name, of_fold) for of_fold in _by_test_people(kept)]
    if len({np.shape(fold.scores)[1] for fold in folds}) > 1:
        counts = " and ".join(str(np.shape(fold.scores)[1]) for fold in folds)
        raise ValueError(f"the folds of people have {counts} seeds in {name}: test the same seeds on each fold")
    return folds


class _Kept(NamedTuple):
    """The scores of a run."""

    run: str
    scores: KeptScores


def _by_test_people(repeats: Sequence[list[_Kept]]) -> list[list[list[_Kept]]]:
    """The repeats of each fold of test people."""
    folds: list[tuple[set[str], list[list[_Kept]]]] = []
    for repeat in repeats:
        images = {image for pair in repeat[0].scores.images for image in pair}
        for others, of_fold in folds:
            if images & others:
                of_fold.append(repeat)
                break
        else:
            folds.append((images, [repeat]))
    return [of_fold for _, of_fold in folds]


def _of_fold(name: str, repeats: Sequence[list[_Kept]]) -> FoldScores:
    """Scores on the pairs of one fold."""
    runs = [run for repeat in repeats for run in repeat]
    first, lead = runs[0]
    people_P2 = lead.people
    scores: list[Floats] = []
    for run, kept in runs:
        order_P = _order(lead, kept, (first, run), name)
        scores.append(kept.scores[order_P])
        if kept.people is not None:
            if people_P2 is None:
                people_P2 = kept.people[order_P]
            _require_same_people(people_P2, kept.people[order_P], lead.images, (first, run))
    networks = len(repeats[0])
    return FoldScores(np.array([scores[place::networks] for place in range(networks)]), lead.same, people_P2)


def _order(lead: KeptScores, other: KeptScores, names: tuple[str, str], name: str) -> NDArray[np.int64]:
    """Where the other file has each pair of the first (P,).

    Raises:
        ValueError: if it has other images, pairs or labels.
    """
    places = np.arange(len(lead.images))
    if other.images != lead.images:
        where = {pair: place for place, pair in enumerate(other.images)}
        _require_same_pairs(lead, other, names, name)
        places = np.array([where[pair] for pair in lead.images])
    at_odds = np.flatnonzero(other.same[places] != lead.same)
    if len(at_odds):
        one, two = lead.images[at_odds[0]]
        raise ValueError(
            f"{names[0]} and {names[1]} label {len(at_odds):,} pairs of {name} differently, such as {one} and {two}. "
            "Test both with the same list"
        )
    return places


def _require_same_pairs(lead: KeptScores, other: KeptScores, names: tuple[str, str], name: str) -> None:
    """Refuse other images or other pairs.

    Raises:
        ValueError: naming one of each.
    """
    way_out = "Only the same pairs can be compared: test both on one list"
    one, two = ({image for pair in kept.images for image in pair} for kept in (lead, other))
    if one != two:
        only = [f"{sorted(some)[0]} ({len(some):,} such images)" if some else "none" for some in (one - two, two - one)]
        raise ValueError(
            f"{names[0]} and {names[1]} were tested on other people or images in {name}: only the first has {only[0]}, "
            f"only the second {only[1]}. {way_out}"
        )
    pairs = [set(kept.images) for kept in (lead, other)]
    if pairs[0] != pairs[1] or len(lead.images) != len(other.images) or len(pairs[0]) != len(lead.images):
        different = pairs[0] ^ pairs[1]
        such = f", such as {' and '.join(min(different))}" if different else " (a pair is there twice)"
        raise ValueError(
            f"{names[0]} and {names[1]} were tested on other pairs in {name}: {len(different):,} are in one "
            f"alone{such}. {way_out}"
        )


def _require_same_people(
    first_P2: NDArray[np.int64],
    second_P2: NDArray[np.int64],
    images: Sequence[tuple[str, str]],
    names: tuple[str, str],
) -> None:
    """Refuse images that are of other people in the second file; numbers of people may differ.

    Raises:
        ValueError: naming an image.
    """
    flat_images = [image for pair in images for image in pair]
    forwards: dict[int, int] = {}
    backwards: dict[int, int] = {}
    for image, one, other in zip(flat_images, first_P2.flat, second_P2.flat, strict=True):
        if forwards.setdefault(int(one), int(other)) != other or backwards.setdefault(int(other), int(one)) != one:
            raise ValueError(
                f"{names[0]} and {names[1]} were tested with other people: {image} is of another person in the second. "
                "Test both with the same data"
            )
