"""``metrics.json``: what it holds, how it is written, and how it is read."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facerec import __version__
from facerec.files import write_whole
from facerec.metrics import Calibration
from facerec.plain_text import read_json
from facerec.reports.plain import from_plain, to_plain
from facerec.reports.summary import Summary

FORMAT = 1
METRICS = "metrics.json"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a file ``metrics.json`` holds. The attributes are its keys.

    Attributes:
        format: version of this schema. A key that is added does not change it.
        facerec: version that measured.
        stage: folder that holds the file: ``val``, ``test``, ``test_OTHER`` for other data than the run's, or
            ``test_raw_weights``.
        checkpoint: file that was measured.
        score: what the scores are, such as ``cosine``.
        flip_test: what became of the mirror image: ``sum``, ``concatenate``, or None.
        precision: of the trainer, such as ``32-true``. None where unknown.
        calibration: threshold of the model.
        logged: every number that was logged.
        sets: summary of each set of pairs by its name.

    Example:
        >>> from facerec.reports import evaluate
        >>> lfw = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> Measurement(score="given", sets={"lfw": lfw}).sets["lfw"].eer
        0.5
    """

    format: int = FORMAT
    facerec: str = __version__
    stage: str = "test"
    checkpoint: str | None = None
    score: str
    flip_test: str | None = None
    precision: str | None = None
    calibration: Calibration | None = None
    logged: dict[str, float] = field(default_factory=dict)
    sets: dict[str, Summary]


def write_metrics(path: str | Path, measurement: Measurement) -> None:
    """Write a measurement, null where a number is not supported.

    Example:
        >>> import tempfile
        >>> from facerec.reports import evaluate
        >>> lfw = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_metrics(f"{folder}/metrics.json", Measurement(score="given", sets={"lfw": lfw}))
        ...     read_metrics(f"{folder}/metrics.json").sets["lfw"].eer
        0.5
    """
    content = to_plain(measurement) | {"sets": {name: summary.to_json() for name, summary in measurement.sets.items()}}
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_metrics(path: str | Path) -> Measurement:
    """Read a measurement, also one that was written before the file had a ``format``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is not JSON, is of a newer facerec, or lacks something.

    Example:
        See :func:`write_metrics`.

        >>> read_metrics("nowhere/metrics.json")
        Traceback (most recent call last):
        FileNotFoundError: no file nowhere/metrics.json: `facerec test` writes it
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}: `facerec test` writes it")
    content = read_json(Path(path).read_bytes(), path)
    written = content.get("format", 0) if isinstance(content, dict) else 0
    if not isinstance(written, int) or written > FORMAT:
        raise ValueError(f"{path} has format {written}. This facerec reads up to {FORMAT}: update facerec to read it")
    try:
        measurement: Measurement = from_plain(Measurement, content if written else _without_format(content))
    except ValueError as error:
        raise ValueError(f"{path} does not hold what `facerec test` writes: {error}") from error
    return measurement


def _without_format(content: Any) -> Any:
    """A file of before ``format``: the sets did not say what their scores were."""
    if not isinstance(content, dict) or not isinstance(content.get("sets"), dict):
        return content
    sets = {
        name: {"score": content.get("score")} | numbers if isinstance(numbers, dict) else numbers
        for name, numbers in content["sets"].items()
    }
    return content | {"sets": sets}
