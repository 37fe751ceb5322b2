"""The settings of a run in short and in full, and where and with what it was trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from facerec.checkpoints import load_checkpoint
from facerec.pages.subject import Subject
from facerec.reports.comparison import cell_text, setting
from facerec.reports.events import event_files
from facerec.reports.surroundings import read_starts

PARTS = ("model.backbone", "model.loss", "model.optimizer", "model.schedule")
PLAIN = {
    "epochs": "trainer.max_epochs",
    "batch size": "data.batch_size",
    "image size": "model.image_size",
    "seed": "seed_everything",
    "flip at test time": "model.flip_test",
    "averaged weights": "average.kind",
    "started from": "init_from",
    "data root": "data.root",
}
NOT_KEPT = "not kept with the run"
UNSET = (None, False, 0.0, "")

Rows = list[list[str]]


def settings_in_short(subjects: Sequence[Subject]) -> Rows:
    """Rows of what matters most, the heading first."""
    names = [part.rpartition(".")[2] for part in PARTS] + list(PLAIN)
    columns = [_short_column(subject.run.settings) for subject in subjects]
    return _rows("setting", names, subjects, columns)


def _short_column(settings: dict[str, Any]) -> list[str]:
    plain = [settings.get(name) for name in PLAIN.values()]
    return [_part(settings, part) for part in PARTS] + ["none" if value is None else str(value) for value in plain]


def _part(settings: dict[str, Any], part: str) -> str:
    """The class of a part, and its own arguments that do something."""
    name = str(settings.get(f"{part}.class_path", "")).rpartition(".")[2]
    start = f"{part}.init_args."
    own = {key.removeprefix(start): value for key, value in settings.items() if key.startswith(start)}
    told = [f"{key} {value}" for key, value in own.items() if "." not in key and _is_told(value)]
    return f"{name} ({', '.join(told)})" if told else name or "none"


def _is_told(value: Any) -> bool:
    return not isinstance(value, (dict, list)) and value not in UNSET


def every_setting(subjects: Sequence[Subject]) -> Rows:
    """Rows of all settings by their full names, the heading first."""
    runs = [subject.run for subject in subjects]
    names = dict.fromkeys(name for run in runs for name, value in run.settings.items() if not isinstance(value, dict))
    columns = [["none" if (value := setting(run, name)) is None else str(value) for name in names] for run in runs]
    return _rows("setting", list(names), subjects, columns)


def environment(subjects: Sequence[Subject]) -> Rows:
    """Rows of what a run's folder says about where and with what it was made, the heading first."""
    columns = [dict(_environment(subject)) for subject in subjects]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return _rows("", names, subjects, [[column.get(name, "") for name in names] for column in columns])


def _environment(subject: Subject) -> Iterator[tuple[str, str]]:
    settings, results, card = subject.run.settings, subject.run.results, subject.card
    yield "folder", subject.path
    yield "begun", _begun(subject)
    if "minutes" in results:
        yield "training time", f"{cell_text(results['minutes'], 'minutes')} minutes"
    if card is not None:
        yield "trained steps", f"{card.trained_step:,}"
        yield "facerec that trained", card.facerec_version
    if subject.best is not None:
        version = load_checkpoint(subject.best).get("pytorch-lightning_version", "unknown")
        yield "Lightning", str(version)
        yield "checkpoint", subject.best.name
    if "parameters" in results:
        yield "parameters", cell_text(results["parameters"], "parameters")
    yield (
        "devices asked for",
        ", ".join(f"{key} {settings.get(f'trainer.{key}')}" for key in ("accelerator", "devices")),
    )
    yield "precision of the training", str(settings.get("trainer.precision"))
    if subject.test is not None:
        measurement = subject.test.measurement
        yield "precision of the test", str(measurement.precision or "unknown")
        yield "facerec that tested", measurement.facerec
        yield "scores", f"{measurement.score}, flip test {measurement.flip_test or 'none'}"
    starts = read_starts(subject.folder)
    if not starts:
        yield "processor, Python, torch, git commit", NOT_KEPT
    for start in starts[-1:]:
        yield from ((name, value) for name, value in start.items() if name not in ("begun", "step"))
    if len(starts) > 1:
        yield "resumed", ", ".join(f"{start.get('begun', '')} at step {start.get('step', '')}" for start in starts[1:])


def _begun(subject: Subject) -> str:
    """When the training began, from the name of its first event file."""
    files = event_files(subject.folder)
    second = re.search(r"tfevents\.(\d{9,11})\.", files[0].name) if files else None
    return datetime.fromtimestamp(int(second[1]), timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if second else "unknown"


def _rows(what: str, names: Sequence[str], subjects: Sequence[Subject], columns: Sequence[Sequence[str]]) -> Rows:
    heading = [what, *(subject.label or "value" for subject in subjects)]
    return [heading, *([name, *cells] for name, *cells in zip(names, *columns, strict=True))]
