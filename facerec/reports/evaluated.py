"""Measuring sets of pairs that need no training: what ``facerec evaluate`` prints and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facerec.data import leaks
from facerec.data.pair_doubts import doubts
from facerec.data.people import are_numbers
from facerec.data.sources import PairSource
from facerec.metrics import SEED_GRID, Calibration, kfold_accuracy
from facerec.metrics.calibration import CalibrateAt
from facerec.reports.calibration import calibrate_sets
from facerec.reports.figures import evaluation_figures
from facerec.reports.groups import Groups
from facerec.reports.groups_of_pairs import add_groups, require_people
from facerec.reports.looks import count_look, looks_line
from facerec.reports.measurement import METRICS, Measurement, write_metrics
from facerec.reports.pair_scoring import is_constant
from facerec.reports.results import MOST_ROWS, write_figure, write_scores
from facerec.reports.score_file import ScoredPairs
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import Summary, summarise
from facerec.reports.threshold import chosen_line, threshold_lines


class Scored(NamedTuple):
    """A set of pairs: where it comes from, and its scores."""

    source: PairSource
    scores: ScoredSet


Sets = Mapping[str, Scored]


def require_labels(origin: str, source: PairSource) -> None:
    """Refuse pairs on which nothing can be measured.

    Raises:
        ValueError: naming their origin, if they carry no labels or are all of one kind.
    """
    same_P = source.same
    if same_P is None:
        raise ValueError(
            f"{origin}: its {len(source.pairs):,} pairs carry no labels, so nothing can be measured. Mark each with 1 "
            "(one person) or 0 (two people)"
        )
    genuine = int(np.count_nonzero(same_P))
    if genuine in (0, len(same_P)):
        raise ValueError(
            f"{origin}: {genuine:,} genuine and {len(same_P) - genuine:,} impostor pairs. Error rates need both kinds"
        )


def what_misleads(tests: Sets, validation: Sets) -> list[str]:
    """Messages about pairs that mislead, and about people and images in both groups."""
    messages = []
    for group, sets in (("test", tests), ("val", validation)):
        for name, found in sets.items():
            messages += doubts(f"the {group} pairs {name!r}", found.source, {})
            if is_constant([found.scores]):
                messages.append(f"the {group} pairs {name!r} all have one score, so the error rates mean nothing")
    sources = {
        "val pairs": [found.source for found in validation.values()],
        "test pairs": [found.source for found in tests.values()],
    }
    people = {group: [source for source in some if _knows_people(source)] for group, some in sources.items()}
    images = {group: [source for source in some if _knows_images(source)] for group, some in sources.items()}
    return [*messages, *leaks.shared_people(None, people), *leaks.shared_images(None, None, images)]


def _knows_people(source: PairSource) -> bool:
    """Whether people have names. Numbers count the people of one file, and mean others in the next."""
    return not (isinstance(source, ScoredPairs) and are_numbers(set(source.people)))


def _knows_images(source: PairSource) -> bool:
    return not (isinstance(source, ScoredPairs) and not source.knows_images)


def calibrated_on(validation: Sets, at: CalibrateAt) -> Calibration | None:
    """Threshold and likelihood ratios of the validation pairs; None without any.

    Raises:
        ValueError: if all their scores are the same, or too few impostor pairs support the FAR.
    """
    if not validation:
        return None
    scores = [found.scores for found in validation.values()]
    if is_constant(scores):
        raise ValueError("all validation pairs have the same score, so no threshold tells people apart")
    calibration = calibrate_sets(scores, at)
    calibration["pairs"] = [leaks.fingerprint(found.source) for found in validation.values()]
    return calibration


def measure(tests: Sets, calibration: Calibration | None, groups: Groups) -> tuple[dict[str, Summary], list[str]]:
    """The numbers of each set, and what is to be said below the table.

    Args:
        tests: the sets.
        calibration: threshold and likelihood ratios, or None.
        groups: for each attribute the group of each person; may be empty.

    Raises:
        ValueError: if no person of a group is on the pairs.
    """
    if groups:
        require_people(groups, {name: found.source for name, found in tests.items()})
    likelihood = calibration.get("likelihood") if calibration else None
    threshold = calibration["threshold"] if calibration else None
    summaries = {
        name: summarise(found.scores, description=f"bootstrap of {name}", likelihood=likelihood, threshold=threshold)
        for name, found in tests.items()
    }
    scores = {name: found.scores for name, found in tests.items()}
    sources = {name: found.source for name, found in tests.items()}
    lines = _at_threshold(summaries, calibration)
    return summaries, lines + add_groups(summaries, scores, sources, groups, threshold)


def _at_threshold(summaries: Mapping[str, Summary], calibration: Calibration | None) -> list[str]:
    if calibration is None:
        return ["no threshold: it is chosen on pairs of validation people (--val_pairs, --val_scores), never on these"]
    found = {name: summary.at_threshold for name, summary in summaries.items() if summary.at_threshold is not None}
    return [chosen_line(calibration), *threshold_lines(found)]


def add_grid(summaries: dict[str, Summary], tests: Sets) -> list[str]:
    """Put the accuracy over folds at the 400 thresholds of sphereface_pytorch's ``lfw_eval.py`` into the summaries.

    Args:
        summaries: of each set; changed.
        tests: the sets.

    Returns:
        A sentence about each set without folds.
    """
    lines = []
    for name, found in tests.items():
        scored = found.scores
        if scored.folds is None:
            lines.append(f"{name}: no accuracy at thresholds from -1 to 1 in steps of 0.005: it has no folds")
            continue
        accuracy = kfold_accuracy(scored.scores, scored.same, scored.folds, SEED_GRID)
        summaries[name] = replace(summaries[name], accuracy_at_grid=accuracy)
    return lines


def keep(folder: Path, measurement: Measurement, tests: Sets, *, with_faces: bool) -> list[str]:
    """Write figures, scores and ``metrics.json``, which comes last.

    Args:
        folder: for the files.
        measurement: the numbers.
        tests: the sets.
        with_faces: whether to draw the worst pairs. The sources must then hold images.

    Returns:
        Sentences about what was not written.
    """
    notes = []
    for name, found in tests.items():
        images = found.source if with_faces else None
        figures = evaluation_figures(found.scores, measurement.sets[name], f"{measurement.stage}/{name}", images)
        for kind, figure in figures.items():
            write_figure(folder / f"{name}_{kind}.png", figure)
        if not _knows_images(found.source):
            notes.append(
                f"{name}: no score file: the images are unknown, so `facerec compare --paired` cannot match it"
            )
        elif not write_scores(folder / f"{name}_scores.csv", found.scores, found.source):
            notes.append(f"{name}: no score file: more than {MOST_ROWS:,} pairs")
    write_metrics(folder / METRICS, measurement)
    return notes


def count_looks(folder: Path, tests: Sets) -> str:
    """Count a look at the test people in the folder of the model's numbers, as ``facerec test`` does in a run's.

    The folder stands for the model, and the folder that it lies in for the experiment.

    Args:
        folder: that holds ``metrics.json``.
        tests: the sets.

    Returns:
        How often this model, and all of its experiment, have looked.
    """
    model = folder.resolve()
    fingerprints = {name: leaks.fingerprint(found.source) for name, found in tests.items()}
    count_look(model, fingerprints)
    return looks_line(model, fingerprints)


def logged(summaries: Mapping[str, Summary], stage: str) -> dict[str, float]:
    """The numbers that ``facerec test`` logs, by the same names."""
    found = {f"{stage}/eer": float(np.mean([summary.eer for summary in summaries.values()]))}
    for name, summary in summaries.items():
        values = {"eer": summary.eer, "threshold": summary.threshold, "auc": summary.auc}
        if (chosen := summary.at_threshold) is not None:
            values |= {"far_at_calibrated": chosen.fmr.rate, "frr_at_calibrated": chosen.fnmr.rate}
        found |= {f"{stage}/{name}/{kind}": value for kind, value in values.items()}
    return found
