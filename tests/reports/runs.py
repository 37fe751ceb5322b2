"""Runs that were made here, with other settings and measurements than any training gives."""

import shutil
from dataclasses import replace
from pathlib import Path

import torch
import yaml
from torch.utils.tensorboard import SummaryWriter

from facerec.metrics import Interval
from facerec.reports import Measurement, Summary, evaluate, write_metrics
from facerec.reports.summary import ErrorIntervals

BY_PAIR = ErrorIntervals(Interval(0.1, 0.2), None, 1000)
BY_PERSON = ErrorIntervals(Interval(0.05, 0.25), None, 1000)


def numbers(eer: float, by_person: ErrorIntervals | None = None, genuine: int = 300, impostor: int = 300) -> Summary:
    """The numbers of a set with that EER."""
    some = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1], resamples=2)
    counts = {"genuine": genuine, "impostor": impostor}
    return replace(some, eer=eer, interval_by_pair=BY_PAIR, interval_by_person=by_person, **counts)


def measured(*sets: Summary, score: str = "cosine", **how: str) -> Measurement:
    return Measurement(score=score, sets={f"set{place}": found for place, found in enumerate(sets)}, **how)


def copy_of(run: Path, folder: Path, measurement: Measurement | None = None, **model: object) -> Path:
    """A copy of a run with other settings of the model, and with what a test of it gave."""
    shutil.copytree(run, folder)
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    settings["model"] |= model
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    if measurement:
        write_metrics(folder / "test" / "metrics.json", measurement)
    return folder


def run_with_events(folder: Path, rates: dict[str, list[float]], settings: dict[str, dict]) -> Path:
    """A run whose epochs, of ten steps each, logged those values."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    with SummaryWriter(str(folder)) as events:
        events.add_scalar("train/loss", 1.0, 0)
        for name, values in rates.items():
            for epoch, value in enumerate(values):
                events.add_scalar(name, value, 10 * epoch + 9)
                events.add_scalar("epoch", epoch, 10 * epoch + 9)
    return folder


def store_best(run: Path, epoch: int, score: float) -> None:
    """A checkpoint that was the best when it was written."""
    path = run / "checkpoints" / f"best-epoch={epoch:03d}.ckpt"
    state = {
        "monitor": "val/eer",
        "best_model_path": f"elsewhere/{path.name}",
        "best_model_score": torch.tensor(score),
        "current_score": torch.tensor(score),
    }
    path.parent.mkdir(exist_ok=True)
    weights = {"backbone.weight": torch.zeros(3)}
    torch.save({"state_dict": weights, "global_step": 10 * (epoch + 1), "callbacks": {"BestCheckpoint": state}}, path)
