"""All that is said about a set of pairs, from its scores and embeddings: what the table shows and a file keeps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.metrics.confidence import Intervals, bootstrap
from facerec.metrics.curve import TarAtFar, VerificationCurve
from facerec.metrics.folds import FoldAccuracy, kfold_accuracy
from facerec.metrics.identification import TpirAtFpir, cumulative_match, leave_one_out, tpir_at_fpir
from facerec.metrics.identification_confidence import IdentificationIntervals, bootstrap_identification
from facerec.metrics.resampling import LEAST_PEOPLE

SCORES_RESAMPLED = 20_000_000  # in all, which takes seconds: 1,000 resamples of up to 20,000 scores, fewer of more
FARS = (1e-1, 1e-2, 1e-3, 1e-4)
FPIRS = (1e-1, 1e-2)
LEAST_RANKED = 5  # people in a gallery: among fewer, everybody is in the first five
LONGEST_CMC = 50


class Identification(NamedTuple):
    """Leave-one-out identification by cosine, whatever the pairs are scored by.

    See :func:`facerec.metrics.identification.leave_one_out`.

    Attributes:
        people: in the gallery.
        probes: images searched for.
        strangers: searches by someone who is not in the gallery.
        cmc: share of probes whose person is among the first k, k = 1 to 50 at most.
        tpir: open set.
        by_person: intervals of both.
    """

    people: int
    probes: int
    strangers: int
    cmc: list[float]
    tpir: list[TpirAtFpir]
    by_person: IdentificationIntervals


@dataclass(frozen=True)
class Summary:
    """The numbers of one set of pairs; ``no_people`` and ``no_identification`` say why something is missing."""

    genuine: int
    impostor: int
    eer: float
    eer_nearest: float
    threshold: float
    auc: float
    tar: list[TarAtFar]
    accuracy: FoldAccuracy | None
    by_pair: Intervals
    by_person: Intervals | None
    no_people: str | None
    identification: Identification | None
    no_identification: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, null where a number is not supported."""
        numbers: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("genuine", "impostor", "eer", "eer_nearest", "threshold", "auc", "no_people")
        }
        numbers["tar_at_far"] = [
            point._asdict() | {name: ends.tar[place] for name, ends in self._intervals() if point.supported}
            for place, point in enumerate(self.tar)
        ]
        numbers["accuracy"] = None if self.accuracy is None else self.accuracy._asdict()
        for name, ends in self._intervals():
            numbers[name] = {key: value for key, value in ends._asdict().items() if key != "tar"}
        found = self.identification
        numbers["identification"] = None
        if found is not None:
            open_set = [
                point._asdict() | {"interval_by_person": ends}
                for point, ends in zip(found.tpir, found.by_person.tpir, strict=True)
            ]
            fields = {name: value for name, value in found._asdict().items() if name != "by_person"}
            closed_set = {"cmc_interval_by_person": found.by_person.cmc, "resamples": found.by_person.resamples}
            numbers["identification"] = {"score": "cosine"} | fields | {"tpir": open_set} | closed_set
        numbers["no_identification"] = self.no_identification
        return dict(_plain(numbers))

    def _intervals(self) -> list[tuple[str, Intervals]]:
        named = [("interval_by_pair", self.by_pair), ("interval_by_person", self.by_person)]
        return [(name, intervals) for name, intervals in named if intervals is not None]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summarise(
    scores_P: NDArray[np.floating],
    same_P: NDArray[np.bool_],
    people_P2: NDArray[np.int64] | None = None,
    folds_P: NDArray[np.int64] | None = None,
    fars: Sequence[float] = FARS,
    band_fars: Sequence[float] = (),
    resamples: int | None = None,
    description: str = "bootstrap",
) -> Summary:
    """Everything but identification.

    Args:
        scores_P: score of each pair (P,).
        same_P: whether each pair shows one person (P,).
        people_P2: the two people of each pair (P, 2), where known.
        folds_P: fold of each pair (P,), where there is a protocol.
        fars: false accept rates of the table.
        band_fars: more of them, for the band around a curve; their intervals come after those of ``fars``.
        resamples: of each bootstrap; by default 1,000, fewer for more than 20,000 pairs.
        description: of the progress bar.
    """
    curve = VerificationCurve(scores_P, same_P)
    rate, threshold = curve.equal_error_rate()
    resamples = resamples or _resamples(len(scores_P))
    all_fars = [*fars, *band_fars]
    no_people = _why_not_by_person(people_P2, same_P)

    def intervals(people: NDArray[np.int64] | None, kind: str) -> Intervals:
        return bootstrap(scores_P, same_P, people, folds_P, all_fars, resamples, description=f"{description} by {kind}")

    return Summary(
        curve.genuine,
        curve.impostor,
        rate,
        curve.equal_error_rate("nearest")[0],
        threshold,
        curve.area_under_roc(),
        curve.tar_at_far(fars),
        None if folds_P is None else kfold_accuracy(scores_P, same_P, folds_P),
        intervals(None, "pair"),
        intervals(people_P2, "person") if no_people is None else None,
        no_people,
        None,
        None,
    )


def _resamples(size: int) -> int:
    """How many resamples of so many scores take seconds."""
    return max(100, min(1000, SCORES_RESAMPLED // size))


def _why_not_by_person(people_P2: NDArray[np.int64] | None, same_P: NDArray[np.bool_]) -> str | None:
    if people_P2 is None:
        return "people unknown"
    count = len(np.unique(people_P2))
    if count < LEAST_PEOPLE:
        return f"only {count} people"
    if ((people_P2[:, 0] == people_P2[:, 1]) != same_P).any():
        return "folders and labels of the pairs disagree"
    return None


def identify(
    embeddings_ND: Tensor, people_N: NDArray[np.int64] | None, fpirs: Sequence[float] = FPIRS
) -> tuple[Identification | None, str | None]:
    """Leave-one-out identification of the images of a set of pairs, or why there is none."""
    if people_N is None:
        return None, "people unknown"
    count = len(np.unique(people_N))
    trials = leave_one_out(embeddings_ND, people_N) if count >= LEAST_RANKED else None
    if trials is None:
        return None, f"only {count} people" if count < LEAST_RANKED else "one image of each person"
    longest = min(count, LONGEST_CMC)
    searches, strangers = len(trials.ranks), len(trials.stranger_scores)
    intervals = bootstrap_identification(trials, longest, fpirs, _resamples(searches + strangers))
    cmc = cumulative_match(trials.ranks, longest).tolist()
    return Identification(count, searches, strangers, cmc, tpir_at_fpir(trials, fpirs), intervals), None
