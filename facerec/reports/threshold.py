"""FMR and FNMR at the threshold that a model uses, with intervals, and what images without a face make of them.

In the terms of ISO/IEC 19795-1, FMR and FNMR are of comparisons. FAR and FRR are of attempts: an image without a usable
face is a failure to acquire (FTA), which accepts nobody and rejects everybody.

Shapes: P pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facerec.align.acquisition import Acquisition
from facerec.metrics import Calibration, ErrorRate, Interval, error_rate
from facerec.reports.scored import ScoredSet


@dataclass(frozen=True)
class ThresholdErrors:
    """Error rates at one threshold, which was chosen on other people.

    Attributes:
        threshold: lowest score accepted.
        by: what varies: ``person``, or ``pair`` where people are unknown.
        fmr: share of impostor pairs accepted, with Wilson's interval for dependent pairs.
        fnmr: share of genuine pairs rejected, alike.
        fmr_bootstrap: 95 % interval of the FMR by bootstrap, over what varies.
        fnmr_bootstrap: 95 % interval of the FNMR, alike.
        acquisition: images of these people that a detector left out, or None where nothing counted them.

    Example:
        >>> from facerec.metrics import error_rate
        >>> rate = error_rate([1, 0, 0, 0], [[1, 1], [2, 2], [3, 3], [4, 4]])
        >>> found = ThresholdErrors(0.4, "person", rate, rate, Interval(0.0, 0.5), Interval(0.0, 0.5))
        >>> found.far, found.frr  # no photograph was left out
        (0.25, 0.25)
    """

    threshold: float
    by: str
    fmr: ErrorRate
    fnmr: ErrorRate
    fmr_bootstrap: Interval
    fnmr_bootstrap: Interval
    acquisition: Acquisition | None = None

    @property
    def far(self) -> float:
        """FAR of an attempt: FMR (1 - FTA)."""
        return self.fmr.rate * (1.0 - self._fta)

    @property
    def frr(self) -> float:
        """FRR of an attempt: FTA + FNMR (1 - FTA)."""
        return self._fta + self.fnmr.rate * (1.0 - self._fta)

    @property
    def _fta(self) -> float:
        return self.acquisition.fta if self.acquisition else 0.0


def errors_at(scored: ScoredSet, threshold: float, bootstrapped: tuple[Interval, Interval], by: str) -> ThresholdErrors:
    """Error rates of a set of pairs at a threshold.

    Args:
        scored: the pairs.
        threshold: lowest score accepted.
        bootstrapped: intervals of FMR and FNMR by bootstrap.
        by: what was resampled: ``person``, or ``pair``, which takes pairs as independent.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> found = errors_at(pairs, 0.45, (Interval(0.0, 1.0), Interval(0.0, 1.0)), by="pair")
        >>> found.fmr.rate, found.fnmr.rate, found.far, found.frr
        (0.5, 0.5, 0.5, 0.5)
    """
    scores_P = scored.scores.astype(np.float64)  # in float32 the threshold would be rounded to a score
    everybody_P2 = scored.people if by == "person" else None
    if everybody_P2 is None:  # two people of its own for each pair
        number_P = np.arange(len(scores_P))
        everybody_P2 = np.stack([2 * number_P, 2 * number_P + ~scored.same], axis=1)
    fmr, fnmr = (
        rate_at(scores_P[kind_P], scored.same[kind_P], everybody_P2[kind_P], threshold)
        for kind_P in (~scored.same, scored.same)
    )
    return ThresholdErrors(threshold, by, fmr, fnmr, *bootstrapped)


def rate_at(
    scores_P: NDArray[np.float64], same_P: NDArray[np.bool_], people_P2: NDArray[np.int64], threshold: float
) -> ErrorRate:
    """The error rate of pairs of one kind at a threshold.

    Args:
        scores_P: score of each pair (P,).
        same_P: whether each pair shows one person (P,), all alike.
        people_P2: the two people of each pair (P, 2).
        threshold: lowest score accepted.

    Example:
        >>> people = np.array([[0, 1], [2, 3]])
        >>> rate_at(np.array([0.5, 0.1]), np.array([False, False]), people, 0.4).rate
        0.5
    """
    wrong_P = (scores_P >= threshold) != same_P
    return error_rate(wrong_P, people_P2, severity=np.where(same_P, -scores_P, scores_P))


def chosen_line(calibration: Calibration) -> str:
    """How the threshold was chosen, and the errors on the pairs that chose it. :func:`threshold_lines` come below.

    Example:
        >>> chosen_line({"threshold": 0.41, "far": 0.02, "frr": 0.03, "method": "eer"})
        'at the threshold 0.4100, chosen on the validation pairs (eer; FMR 2.00%, FNMR 3.00% there):'
    """
    how, fmr, fnmr = calibration.get("method", "eer"), calibration["far"], calibration["frr"]
    there = f"{how}; FMR {fmr:.2%}, FNMR {fnmr:.2%} there"
    return f"at the threshold {calibration['threshold']:.4f}, chosen on the validation pairs ({there}):"


def threshold_lines(found: Mapping[str, ThresholdErrors]) -> list[str]:
    r"""Two lines of text for each set of pairs, and one more where a detector left images out.

    Args:
        found: error rates of each set by its name.

    Example:
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> found = errors_at(pairs, 0.45, (Interval(0.0, 1.0), Interval(0.0, 1.0)), by="pair")
        >>> print("\n".join(threshold_lines({"lfw": found})))
          lfw: FMR 50.00% (0.15% - 99.85%), FNMR 50.00% (0.15% - 99.85%); 95% by pair
            by bootstrap: FMR 0.00% - 100.00%, FNMR 0.00% - 100.00%
    """
    lines = []
    for name, one in found.items():
        fmr, fnmr = (f"{rate.rate:.2%} ({_range(rate.interval)})" for rate in (one.fmr, one.fnmr))
        lines.append(f"  {name}: FMR {fmr}, FNMR {fnmr}; 95% by {one.by}")
        lines.append(f"    by bootstrap: FMR {_range(one.fmr_bootstrap)}, FNMR {_range(one.fnmr_bootstrap)}")
        if one.acquisition and one.acquisition.without_face:
            lines.append(f"    {one.acquisition}: FAR {one.far:.2%}, FRR {one.frr:.2%}")
    return lines


def _range(interval: Interval) -> str:
    return f"{interval.low:.2%} - {interval.high:.2%}"
