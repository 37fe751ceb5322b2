"""The folder that a run is kept in, the name of its experiment, and the checkpoint that ``--ckpt_path`` means."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from facerec.files import check_writable
from facerec.reports.events import tag_of
from facerec.run_folders import find_checkpoint

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


def chosen_checkpoint(path: str, *, resume: bool = False, option: str = "--ckpt_path") -> str:
    """The checkpoint file that ``--ckpt_path`` means. Where it is a folder, a line on standard error names the file.

    Args:
        path: checkpoint file, folder of a run, or folder of an experiment.
        resume: whether the last checkpoint is wanted, and not the best.
        option: that names it, for the line.

    Raises:
        FileNotFoundError: for a folder without such a checkpoint.

    Example:
        >>> chosen_checkpoint("downloads/theirs.ckpt")
        'downloads/theirs.ckpt'
    """
    found = str(find_checkpoint(path, resume=resume))
    if found != str(Path(path)):
        _say(f"{option} {path}: taking {found}")
        return found
    return path


@rank_zero_only
def _say(line: str) -> None:
    """Print a line on standard error, of several processes in the first one alone."""
    print(line, file=sys.stderr)


class RunLogger(TensorBoardLogger):
    """A TensorBoard logger that puts what a test measured behind the curves of the training."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log under the tags of TensorBoard."""
        super().log_metrics({tag_of(name): value for name, value in metrics.items()}, step)


def run_logger(
    experiment: str, run: Path | None, purge_step: int | None = None, folder: str = RUNS
) -> TensorBoardLogger:
    """A logger that writes into a run, or into a new one under ``<folder>/<experiment>``.

    Args:
        experiment: name of the folder of a new run.
        run: folder of the run, if it is there.
        purge_step: step from which on what the run has logged is superseded.
        folder: of new experiments.
    """
    if run is None:
        return RunLogger(folder, name=experiment)
    check_writable(run / "metrics.json")
    return RunLogger(str(run.parents[1]), name=run.parent.name, version=run.name, purge_step=purge_step)
