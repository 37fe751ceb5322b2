"""Whether one network is better than another, by their scores on the same pairs.

Shapes: P pairs, S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics import Difference, FoldScores, Interval, McNemar, mcnemar, paired_bootstrap_over_folds
from facerec.metrics.checks import check_scores
from facerec.metrics.curve import is_supported
from facerec.metrics.paired import scores_of_two
from facerec.reports.identification import affordable_resamples
from facerec.reports.summary import why_not_by_person
from facerec.reports.tables import format_table

PAIRED_FARS = (0.1, 0.01)
FEW_PAIRS = 2  # of most people: pairs are then all but independent


@dataclass(frozen=True)
class PairedComparison:
    """Two networks on the same pairs. ``print`` shows the table of ``facerec compare --paired``.

    Attributes:
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.
        unit: what was resampled, ``people`` or ``pairs``.
        units: number of them.
        why_pairs: why pairs were resampled and not people, or None.
        seeds: number of runs of each network, on each fold of people.
        eer: difference of the equal error rate.
        tar: difference of the true accept rate at each FAR that the impostor pairs support.
        thresholds: the two thresholds of ``mcnemar``, or None.
        mcnemar: test of the decisions at them, or None for several runs or without thresholds.
        no_mcnemar: why there is no such test.
        folds: number of folds of people, each with networks trained on the others; rates are means over them.

    Example:
        See :func:`facerec.reports.compare_scores`.

        >>> from facerec.reports import PairedComparison
        >>> eer = Difference(0.10, 0.12, Interval(-0.06, 0.02))
        >>> PairedComparison(450, 4500, "people", 10, None, 1, eer, {}).verdict
        'not distinguishable on these 10 people (the interval would be that narrow with about 40 people)'
    """

    genuine: int
    impostor: int
    unit: str
    units: int
    why_pairs: str | None
    seeds: int
    eer: Difference
    tar: dict[float, Difference]
    thresholds: tuple[float, float] | None = None
    mcnemar: McNemar | None = None
    no_mcnemar: str | None = None
    folds: int = 1

    @property
    def verdict(self) -> str:
        """What the interval of the EER's difference says."""
        these = f"on these {self.units:,} {self.unit}"
        if self.eer.is_significant:
            return f"{'A' if self.eer.difference < 0 else 'B'} is better {these}"
        needed = self.eer.units_needed(self.units)
        if needed is None:
            return f"not distinguishable {these} (their EERs are the same)"
        about = f"about {_two_digits(needed):,} {self.unit}" + (", or more seeds" if self.seeds > 1 else "")
        return f"not distinguishable {these} (the interval would be that narrow with {about})"

    def __str__(self) -> str:
        rates = {"EER": self.eer} | {f"TAR at FAR {far:g}": found for far, found in self.tar.items()}
        rows = [("", "A", "B", "A - B", "95% interval")]
        rows += [
            (name, f"{found.first:.2%}", f"{found.second:.2%}", f"{found.difference:+.2%}", _range(found.interval))
            for name, found in rates.items()
        ]
        return "\n".join([self.basis, "", format_table(rows), "", f"By the EER: {self.verdict}.", *self.notes])

    @property
    def basis(self) -> str:
        """The pairs and runs that are compared, and what was resampled, in two lines."""
        runs = "one run of each" if self.seeds == 1 else f"{self.seeds} runs of each, the mean over seeds"
        runs += "" if self.folds == 1 else f", on each of {self.folds} folds of people"
        by = "person" if self.unit == "people" else f"pair ({self.why_pairs})"
        return (
            f"{self.genuine:,} genuine and {self.impostor:,} impostor pairs, {runs}.\n"
            f"Intervals by {by}: the same of {self.units:,} {self.unit} are drawn for both."
        )

    @property
    def notes(self) -> list[str]:
        """Sentences below the table: about seeds, and McNemar's test."""
        notes = ["One run of each says nothing of other seeds."] if self.seeds == 1 else []
        found = self.mcnemar
        if found is None or self.thresholds is None:
            return [*notes, f"No McNemar's test: {self.no_mcnemar}."] if self.no_mcnemar else notes
        first, second = self.thresholds
        return [
            *notes,
            f"McNemar's test at the stored thresholds, A {first:.4f} and B {second:.4f}:",
            f"A alone is right on {found.only_first:,} pairs, B alone on {found.only_second:,}; "
            f"p = {found.p_value:.2g}.",
            "It takes pairs as independent: where people are in many pairs, its p is too small.",
        ]


def compare_scores(
    same: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    people: ArrayLike | None = None,
    thresholds: tuple[float, float] | None = None,
    fars: Sequence[float] = PAIRED_FARS,
    resamples: int | None = None,
    description: str = "paired bootstrap",
) -> PairedComparison:
    """Say whether one network is better than another on the same pairs, or whether chance may explain it.

    People are resampled where they are known and most are in more than two pairs, else pairs.

    Args:
        same: whether each pair shows one person (P,).
        first: score of each pair by network A (P,), or one row for each seed (S, P).
        second: the same by network B, with the same seeds.
        people: the two people of each pair (P, 2), as whole numbers.
        thresholds: of A and of B, for McNemar's test of their decisions.
        fars: false accept rates of the table. Those that expect fewer than ten impostor pairs are left out.
        resamples: number of resamples. By default 1,000, fewer for more than 20,000 pairs.
        description: text of the progress bar, which shows after two seconds.

    Raises:
        ValueError: if lengths disagree, a number is not finite, or a kind of pair is missing.

    Example:
        >>> same = [1, 0] * 20
        >>> people = [[person, (person + other) % 20] for person in range(20) for other in (0, 1)]
        >>> second = [0.5 + 0.01 * (place * 7 % 20) for place in range(40)]
        >>> first = [score + 0.1 * kind for score, kind in zip(second, same)]
        >>> print(compare_scores(same, first, second, people=people))
        20 genuine and 20 impostor pairs, one run of each.
        Intervals by person: the same of 20 people are drawn for both.
        <BLANKLINE>
                 A       B    A - B       95% interval
        ...
        By the EER: A is better on these 20 people.
        One run of each says nothing of other seeds.
    """
    fold = scores_of_two(first, second, same, people)
    return compare_folds([fold], thresholds=thresholds, fars=fars, resamples=resamples, description=description)


def compare_folds(
    folds: Sequence[FoldScores],
    *,
    thresholds: tuple[float, float] | None = None,
    fars: Sequence[float] = PAIRED_FARS,
    resamples: int | None = None,
    description: str = "paired bootstrap",
) -> PairedComparison:
    """The same for several folds of people, each with networks of its own: rates are means over the folds.

    Args:
        folds: scores of both networks (2, S, P) on each fold; all with the same seeds.
        thresholds: see :func:`facerec.reports.compare_scores`; for one fold.
        fars: the same.
        resamples: the same.
        description: the same.

    Raises:
        ValueError: the same.
    """
    scores = [as_array(fold.scores) for fold in folds]
    same = [check_scores(scores_2SP[0, 0], fold.same)[1] for scores_2SP, fold in zip(scores, folds, strict=True)]
    resampled, why_pairs = resampled_folds(folds)
    impostor = [int(np.count_nonzero(~same_P)) for same_P in same]
    supported = [far for far in fars if is_supported(far, min(impostor))]
    found = paired_bootstrap_over_folds(
        resampled,
        supported,
        resamples or affordable_resamples(sum(scores_2SP.size for scores_2SP in scores)),
        description=description,
    )
    seeds = scores[0].shape[1]
    tested, why_not = None, None
    if seeds > 1 or len(folds) > 1:
        why_not = "it compares two networks, not several runs"
    elif thresholds is not None:
        right = [(row[0] >= at) == same[0] for row, at in zip(scores[0], thresholds, strict=True)]
        tested = mcnemar(*right)
    return PairedComparison(
        genuine=sum(map(len, same)) - sum(impostor),
        impostor=sum(impostor),
        unit="pairs" if why_pairs else "people",
        units=found.units,
        why_pairs=why_pairs,
        seeds=seeds,
        eer=found.equal_error_rate,
        tar=dict(zip(supported, found.tar, strict=True)),
        thresholds=thresholds if tested else None,
        mcnemar=tested,
        no_mcnemar=why_not,
        folds=len(folds),
    )


def resampled_folds(folds: Sequence[FoldScores]) -> tuple[list[FoldScores], str | None]:
    """The folds, without people where pairs are to be resampled; and why they are, or None."""
    people = [None if fold.people is None else as_array(fold.people) for fold in folds]
    same = [as_array(fold.same).astype(bool) for fold in folds]
    reasons = [_why_pairs(people_P2, same_P) for people_P2, same_P in zip(people, same, strict=True)]
    why_pairs = next((why for why in reasons if why), None)
    return [fold._replace(people=None) if why_pairs else fold for fold in folds], why_pairs


def _why_pairs(people_P2: NDArray[np.int64] | None, same_P: NDArray[np.bool_]) -> str | None:
    """Why pairs are resampled and not people; None where people are."""
    if why := why_not_by_person(people_P2, same_P):
        return why
    assert people_P2 is not None
    both = np.concatenate([people_P2[:, 0], people_P2[~same_P, 1]])
    pairs_of_each = np.unique(both, return_counts=True)[1]
    return f"most people are in {FEW_PAIRS} or fewer" if np.median(pairs_of_each) <= FEW_PAIRS else None


def _two_digits(count: int) -> int:
    """A rough number as one."""
    return int(float(f"{count:.1e}"))


def _range(interval: Interval) -> str:
    return f"{interval.low:+.2%} to {interval.high:+.2%}"
