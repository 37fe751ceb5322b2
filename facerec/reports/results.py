"""Files of an evaluation: metrics.json, the scores and the figures, kept with the run."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from matplotlib.figure import Figure

from facerec.callbacks.evaluation import Stage
from facerec.callbacks.verification import ScoredSet
from facerec.data.sources import PairSource
from facerec.files import write_whole, written_whole

CONFIG = "config.yaml"
MOST_ROWS = 2_000_000  # of a score file: about 200 MB


def results_folder(trainer: Trainer, stage: Stage, root: str | None = None) -> Path | None:
    """``<stage>/`` in the logger's folder, or beside the checkpoint; None for neither (a model in memory).

    Args:
        trainer: at the end of an evaluation.
        stage: of the evaluation.
        root: of its data. For another than the run's own the folder is ``<stage>_<name of the root>/``, so that what
            the run gave on its own data stays there.
    """
    for logger in trainer.loggers:
        # Not trainer.log_dir: it asks the other processes, and only the first one is here.
        folder = getattr(logger, "log_dir", None)
        if isinstance(folder, str):
            is_own = root is None or _root_of(Path(folder)) in (None, os.path.abspath(root))
            return Path(folder, stage if is_own else f"{stage}_{Path(os.path.abspath(str(root))).name}")
    return Path(trainer.ckpt_path).parent / stage if trainer.ckpt_path else None


def _root_of(run: Path) -> str | None:
    """The root of a run's data, by its configuration; empty where it names none, None without a configuration."""
    config = run / CONFIG
    if not config.is_file():
        return None
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    root = (settings.get("data") or {}).get("root")
    return os.path.abspath(root) if root else ""


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write numbers; a NaN is refused, JSON has none."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, text)


def write_scores(path: Path, scored: ScoredSet, source: PairSource) -> bool:
    """Write ``image,image,score,same`` of each pair in the order of the list, unless there are too many.

    Returns:
        Whether it was written.
    """
    if len(scored.scores) > MOST_ROWS:
        return False
    names = [source.name(int(index)) for index in scored.images]
    with (
        written_whole(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["image_1", "image_2", "score", "same"])
        for (first, second), score, same in zip(scored.pairs, scored.scores, scored.same, strict=True):
            writer.writerow([names[first], names[second], f"{score:.9g}", int(same)])  # 9 digits: a float32 exactly
    return True


def write_figure(path: Path, figure: Figure) -> None:
    """Write a PNG."""
    with written_whole(path) as unfinished:
        figure.savefig(unfinished)
