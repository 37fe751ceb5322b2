"""The scores that ``facerec test`` keeps beside ``metrics.json``, read again.

Shapes: P pairs.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import Calibration, Likelihood
from facerec.metrics.curve import Floats
from facerec.plain_text import read_yaml
from facerec.reports.measurement import METRICS, Measurement, read_metrics
from facerec.reports.repeats import repeat_of
from facerec.reports.results import CONFIG, MOST_ROWS
from facerec.reports.runs import find_runs
from facerec.settings import flatten

SCORES = "_scores.csv"


class KeptScores(NamedTuple):
    """What a score file holds.

    Attributes:
        images: names of the two images of each pair, without the folders that all share.
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), or None where the file does not say.

    Example:
        >>> KeptScores([("a/1.png", "a/2.png")], np.array([0.9]), np.array([True]), None).images
        [('a/1.png', 'a/2.png')]
    """

    images: list[tuple[str, str]]
    scores: Floats
    same: NDArray[np.bool_]
    people: NDArray[np.int64] | None


@dataclass(frozen=True)
class MeasuredRun:
    """A measurement, and the folder that holds it and its scores.

    Attributes:
        folder: of ``metrics.json`` and the score files.
        repeat: text of the seed, fold and validation group of its run.
        measurement: its numbers.
    """

    folder: Path
    repeat: str
    measurement: Measurement

    @property
    def name(self) -> str:
        """The folder of the run; of other measurements than its test, their own."""
        return _from_here(self.folder.parent if self.folder.name == "test" else self.folder)

    @property
    def threshold(self) -> float | None:
        """The model's threshold, if it is one of these scores."""
        calibration = self._calibration
        return None if calibration is None else calibration["threshold"]

    @property
    def likelihood(self) -> Likelihood | None:
        """The model's line from score to likelihood ratio, if it has one, of these scores."""
        calibration = self._calibration
        return None if calibration is None else calibration.get("likelihood")

    @property
    def _calibration(self) -> Calibration | None:
        calibration = self.measurement.calibration
        fits = calibration is not None and calibration.get("score", "cosine") == self.measurement.score
        return calibration if fits else None

    def scores(self, name: str) -> KeptScores:
        """The scores of a set of pairs.

        Raises:
            FileNotFoundError: naming the command that writes them.
        """
        path = self.folder / f"{name}{SCORES}"
        if not path.is_file():
            raise FileNotFoundError(
                f"no scores {path}: {_test_of(self.folder.parent)} writes them, for up to {MOST_ROWS:,} pairs"
            )
        return read_scores(path)


def measured_runs(path: str | Path) -> list[MeasuredRun]:
    """The measurements that a path means: its own, or the tests of the runs in it.

    Of several runs with one seed, fold and validation group, the one that was tested last counts.

    Args:
        path: ``metrics.json``, the folder that holds it, a run, or a folder of runs.

    Raises:
        FileNotFoundError: if there is none, naming the command that makes one.
        ValueError: if a file cannot be read.

    Example:
        >>> measured_runs("nowhere")
        Traceback (most recent call last):
        FileNotFoundError: no folder nowhere
    """
    place = Path(path)
    folder = place.parent if place.name == METRICS else place
    if (folder / METRICS).is_file():
        return [_measured(folder)]
    runs = find_runs([str(folder)])
    tested = [run / "test" for run in runs if (run / "test" / METRICS).is_file()]
    if not tested:
        raise FileNotFoundError(f"{path} has no test: {_test_of(Path(path))} measures it and keeps the scores")
    tested.sort(key=lambda folder: (folder / METRICS).stat().st_mtime)
    return list({found.repeat: found for found in map(_measured, tested)}.values())


def _test_of(run: Path) -> str:
    return f"`facerec test --ckpt_path {_from_here(run)}`"


def _from_here(path: Path) -> str:
    """The path as a user writes it: relative to the working directory if it is below."""
    return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)


def _measured(folder: Path) -> MeasuredRun:
    config = folder.parent / CONFIG
    settings = read_yaml(config.read_text(encoding="utf-8"), config) if config.is_file() else {}
    repeat = repeat_of(flatten(settings)) if isinstance(settings, dict) else {}
    short = {name.rpartition(".")[2]: value for name, value in repeat.items()}
    text = ", ".join(f"{name.partition('_')[0]} {value}" for name, value in sorted(short.items(), reverse=True))
    return MeasuredRun(folder, text, read_metrics(folder / METRICS))


def read_scores(path: str | Path) -> KeptScores:
    r"""Read a score file of ``facerec test``.

    Raises:
        ValueError: naming the file, if it is none, or its pairs have no labels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "lfw_scores.csv")
        ...     _ = file.write_text("image_1,image_2,score,same\nfaces/a/1.png,faces/b/1.png,0.25,0\n")
        ...     found = read_scores(file)
        >>> found.images, found.scores.tolist(), found.people
        ([('a/1.png', 'b/1.png')], [0.25], None)
    """
    with Path(path).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    try:
        images = [(row["image_1"], row["image_2"]) for row in rows]
        scores_P = np.array([row["score"] for row in rows], dtype=np.float64)
        same_P = np.array([int(row["same"]) for row in rows], dtype=bool)
        known = bool(rows) and rows[0].get("person_1") is not None
        people_P2 = np.array([(row["person_1"], row["person_2"]) for row in rows], dtype=np.int64) if known else None
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold what `facerec test` writes for labelled pairs: {error}") from error
    return KeptScores(_without_shared_folder(images), scores_P, same_P, people_P2)


def _without_shared_folder(images: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names that are the same wherever the data lie."""
    parts = {name: PurePath(name).parts for name in {name for pair in images for name in pair}}
    folders = {some[:-1] for some in parts.values()}
    shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*folders, strict=False)))
    short = {name: "/".join(some[shared:]) for name, some in parts.items()}
    return [(short[first], short[second]) for first, second in images]
