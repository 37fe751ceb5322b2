"""What the tests of a sweep's trainings say: the trials in the order of their test EER, each compared with the next.

Rates are means over the seeds and the folds of test people. Intervals are over people and seeds: the same people are
drawn for all trials, within their fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import correlation, fmean

import numpy as np

from facerec.metrics import Difference, MeanRate, difference_between, draw_rates
from facerec.metrics.curve import is_supported
from facerec.reports.fold_scores import fold_scores
from facerec.reports.kept_scores import MeasuredRun, measured_runs
from facerec.reports.measurement import METRICS
from facerec.reports.paired import resampled_folds
from facerec.sweeps.trials import Trial

FAR = 0.01
ACCURACY, NEAREST_MEAN = "test/accuracy", "test/accuracy_nearest_mean"  # what a run without classes has
MOST_RATES = 250_000  # networks x resamples, of 5,000 pairs each: a minute


@dataclass(frozen=True)
class MeasuredTrial:
    """A trial whose trainings were all tested.

    Attributes:
        trial: what was trained.
        runs: the test of each training, in the order of the repeats.
    """

    trial: Trial
    runs: list[MeasuredRun]

    def mean(self, set_name: str, what: str) -> float | None:
        """Mean of a number over the trainings; None where one has none.

        Args:
            set_name: of the set of test pairs.
            what: ``accuracy`` over folds of pairs, ``rank 1``, ``dev accuracy`` (by the nearest mean, where a loss has
                no class weights) or ``seconds``.
        """
        values = [number_of(run, set_name, what) for run in self.runs]
        if what == "seconds":
            values = [repeat.seconds for repeat in self.trial.repeats.values()]
        known = [value for value in values if value is not None]
        return fmean(known) if known and len(known) == len(values) else None


def number_of(run: MeasuredRun, set_name: str, what: str) -> float | None:
    """A number of one training, see :meth:`MeasuredTrial.mean`."""
    summary = run.measurement.sets[set_name]
    if what == "accuracy":
        return None if summary.accuracy is None else summary.accuracy.mean
    if what == "rank 1":
        return None if summary.identification is None else float(summary.identification.cmc[0])
    logged = run.measurement.logged
    return logged.get(ACCURACY, logged.get(NEAREST_MEAN))


def untested_runs(trials: Sequence[Trial]) -> list[Path]:
    """Runs of finished trials that were not tested yet."""
    runs = [Path(repeat.run) for trial in trials if trial.state == "finished" for repeat in trial.repeats.values()]
    return [run for run in runs if not (run / "test" / METRICS).is_file()]


def measured_trials(trials: Sequence[Trial]) -> list[MeasuredTrial]:
    """The finished trials whose trainings were all tested."""
    finished = [trial for trial in trials if trial.state == "finished" and not untested_runs([trial])]
    return [
        MeasuredTrial(trial, [measured_runs(trial.repeats[name].run)[0] for name in sorted(trial.repeats)])
        for trial in finished
    ]


@dataclass(frozen=True)
class League:
    """Tested trials on one set of pairs, the lowest EER first.

    Attributes:
        name: of the set of test pairs.
        trials: in the order of their EER.
        eer: of each trial.
        tar: of each trial at a FAR of 1 %; empty where the pairs do not support it.
        from_above: EER of each trial but the first, minus that of the one above it.
        units: number and kind of what was resampled, such as ``40 people``.
        seeds: number of trainings of each trial on each fold of people. One shows nothing of the luck of a training.
    """

    name: str
    trials: list[MeasuredTrial]
    eer: list[MeanRate]
    tar: list[MeanRate]
    from_above: list[Difference]
    units: str
    seeds: int


def league(name: str, tested: Sequence[MeasuredTrial], resamples: int | None = None) -> League:
    """Compare tested trials on a set of pairs.

    Args:
        name: of the set of test pairs.
        tested: trials with the same repeats.
        resamples: number of resamples; by default 1,000, fewer for many trainings.

    Raises:
        ValueError: if they were tested on other pairs or people.
    """
    repeats = list(zip(*(trial.runs for trial in tested), strict=True))
    folds, why_pairs = resampled_folds(fold_scores(name, repeats))
    impostor = min(int(np.count_nonzero(~np.asarray(fold.same, dtype=bool))) for fold in folds)
    fars = [FAR] if is_supported(FAR, impostor) else []
    affordable = min(1000, max(200, MOST_RATES // (len(tested) * len(repeats))))
    drawn = draw_rates(folds, fars, resamples or affordable, description=f"bootstrap of {name}")
    order = sorted(range(len(tested)), key=lambda place: drawn.mean_rate(place).rate)
    return League(
        name,
        [tested[place] for place in order],
        [drawn.mean_rate(place) for place in order],
        [drawn.mean_rate(place, 1) for place in order] if fars else [],
        [difference_between(drawn, own, above) for above, own in pairwise(order)],
        f"{drawn.units:,} {'pairs' if why_pairs else 'people'}",
        drawn.observed.shape[-1],
    )


def accuracy_and_error(found: League) -> float | None:
    """Spearman's rank correlation of dev accuracy and test EER; -1 if accuracy decided. None for fewer than three."""
    means = [tested.mean(found.name, "dev accuracy") for tested in found.trials]
    known = [(mean, eer.rate) for mean, eer in zip(means, found.eer, strict=True) if mean is not None]
    if len(known) < 3 or any(len(set(values)) == 1 for values in zip(*known, strict=True)):
        return None
    accuracies, errors = (_ranks(values) for values in zip(*known, strict=True))
    return correlation(accuracies, errors)


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0; equal values share the mean of theirs."""
    return [sum(other < value for other in values) + (values.count(value) - 1) / 2 for value in values]
