"""The paired comparison of runs, from the scores that their tests kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.metrics.curve import Floats
from facerec.reports.kept_scores import KeptScores, MeasuredRun, measured_runs
from facerec.reports.paired import PairedComparison, compare_scores


class PairedRuns(NamedTuple):
    """The comparison of each set of pairs that both sides were tested on.

    Attributes:
        first: runs of A.
        second: runs of B, in the order of their seeds' partners.
        sets: comparison of each set by its name.
        notes: sentences about what is left out.

    Example:
        See :func:`facerec.reports.compare_paired`.

        >>> from facerec.reports import PairedRuns
        >>> print(PairedRuns(["runs/a/version_0"], ["runs/b/version_0"], {}, []))
        A  runs/a/version_0
        B  runs/b/version_0
    """

    first: list[str]
    second: list[str]
    sets: dict[str, PairedComparison]
    notes: list[str]

    def __str__(self) -> str:
        names = [f"{side}  {', '.join(runs)}" for side, runs in (("A", self.first), ("B", self.second))]
        found = [f"\n{name}: {comparison}" for name, comparison in self.sets.items()]
        return "\n".join([*names, *found, *self.notes])


def compare_paired(first: str | Path, second: str | Path, resamples: int | None = None) -> PairedRuns:
    r"""Compare two runs, or two settings with several seeds, on the pairs that both were tested on.

    Args:
        first: A: a run, a folder of runs, or ``metrics.json`` of a test.
        second: B.
        resamples: number of resamples, see :func:`facerec.reports.compare_scores`.

    Raises:
        FileNotFoundError: if a run was not tested, naming the command.
        ValueError: if they were tested on other pairs or other people, naming some.

    Example:
        Two measurements kept in files:

        >>> import tempfile
        >>> from facerec.reports import Measurement, evaluate, write_metrics
        >>> pairs = "image_1,image_2,score,same\na/1,a/2,{},1\nb/1,b/2,0.8,1\na/1,b/1,0.2,0\na/2,b/2,0.1,0\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, score in (("a", 0.9), ("b", 0.15)):
        ...         numbers = evaluate([1, 1, 0, 0], scores=[score, 0.8, 0.2, 0.1])
        ...         write_metrics(Path(folder, name, "metrics.json"), Measurement(score="cosine", sets={"x": numbers}))
        ...         _ = Path(folder, name, "x_scores.csv").write_text(pairs.format(score))
        ...     found = compare_paired(Path(folder, "a"), Path(folder, "b"))
        >>> found.sets["x"].eer.difference, found.sets["x"].verdict
        (-0.5, 'not distinguishable on these 4 pairs (...)')
    """
    runs = (measured_runs(first), measured_runs(second))
    couples, notes = _couples(*runs, names=(str(first), str(second)))
    measured = [run.measurement.sets for both in couples for run in both]
    shared = [name for name in measured[0] if all(name in sets for sets in measured)]
    if not shared:
        sets = [", ".join(both[0].measurement.sets) or "none" for both in runs]
        raise ValueError(
            f"no set of pairs in common: {first} was tested on {sets[0]}, {second} on {sets[1]}. The same pairs "
            "need the same name: `facerec evaluate --name NAME` gives it"
        )
    found = {name: _compare(name, couples, resamples) for name in shared}
    return PairedRuns([one.name for one, _ in couples], [other.name for _, other in couples], found, notes)


Couple = tuple[MeasuredRun, MeasuredRun]


def _couples(
    first: Sequence[MeasuredRun], second: Sequence[MeasuredRun], names: tuple[str, str]
) -> tuple[list[Couple], list[str]]:
    """The runs of one seed side by side, and what has no partner; single runs are partners whatever their seeds."""
    if len(first) == len(second) == 1:
        return [(first[0], second[0])], []
    others = {run.repeat: run for run in second}
    couples = [(run, others[run.repeat]) for run in first if run.repeat in others]
    if not couples:
        have = [" / ".join(run.repeat or "no seed" for run in runs) for runs in (first, second)]
        raise ValueError(
            f"no seed in common: {names[0]} has {have[0]}, and {names[1]} has {have[1]}. Name one run of each"
        )
    left = len(first) + len(second) - 2 * len(couples)
    return couples, [
        f"Left out: {left} run{'s' if left > 1 else ''} without a partner of the same seed."
    ] if left else []


def _compare(name: str, couples: Sequence[Couple], resamples: int | None) -> PairedComparison:
    runs = [run for both in couples for run in both]
    lead = runs[0].scores(name)
    people_P2 = lead.people
    scores: list[Floats] = []
    for run in runs:
        kept = run.scores(name)
        order_P = _order(lead, kept, (runs[0].name, run.name), name)
        scores.append(kept.scores[order_P])
        if kept.people is not None:
            if people_P2 is None:
                people_P2 = kept.people[order_P]
            _require_same_people(people_P2, kept.people[order_P], lead.images, (runs[0].name, run.name))
    thresholds = [run.threshold for run in couples[0]]
    both = (thresholds[0], thresholds[1]) if thresholds[0] is not None and thresholds[1] is not None else None
    found = compare_scores(
        lead.same,
        np.array(scores[::2]),
        np.array(scores[1::2]),
        people=people_P2,
        thresholds=both,
        resamples=resamples,
        description=f"paired bootstrap of {name}",
    )
    if both is None and len(couples) == 1:
        without = " and ".join(run.name for run in runs if run.threshold is None)
        return replace(found, no_mcnemar=f"no threshold of these scores is stored for {without}")
    return found


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
