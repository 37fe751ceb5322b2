"""The folder that a run is kept in, and the name of its experiment."""

import os
from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger

RUNS = "runs"


def config_name(config: str) -> str:
    """Name of the experiment of a configuration: the file's, or the run's for a run's own ``config.yaml``.

    Example:
        >>> config_name("experiments/mine.yaml"), config_name("runs/mine/version_3/config.yaml")
        ('mine', 'mine')
    """
    path = Path(config).resolve()
    return path.parents[1].name if path.parent.name.startswith("version_") else path.stem


def run_name(checkpoint: str) -> str:
    """Name of the experiment of a checkpoint: ``runs/<name>/version_N/checkpoints/x.ckpt``, else the file's.

    Example:
        >>> run_name("runs/mine/version_3/checkpoints/last.ckpt"), run_name("downloads/theirs.ckpt")
        ('mine', 'theirs')
    """
    path = Path(checkpoint)
    return path.parents[2].name if path.parent.name == "checkpoints" and len(path.parents) > 3 else path.stem


def run_of(checkpoint: str) -> Path | None:
    """The run that a checkpoint is from, in which what is measured later is kept; None if from no run."""
    path = Path(checkpoint).resolve()
    run = path.parents[1]
    is_run = run.name.startswith("version_") or (run / "config.yaml").is_file()
    if path.parent.name != "checkpoints" or not is_run:
        return None
    relative = Path(os.path.relpath(run))
    return run if ".." in relative.parts or len(relative.parts) < 3 else relative


def run_logger(experiment: str, run: Path | None) -> TensorBoardLogger:
    """A logger that writes into a run, or into a new one under ``runs/<experiment>``."""
    if run is None:
        return TensorBoardLogger(RUNS, name=experiment)
    return TensorBoardLogger(str(run.parents[1]), name=run.parent.name, version=run.name)
