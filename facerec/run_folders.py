"""The folder of a run, and which of its checkpoints is meant where a user names the folder."""

import warnings
from collections.abc import Iterable
from pathlib import Path

from facerec.checkpoints import choice_of, load_checkpoint
from facerec.model_folders import WEIGHTS, is_model_folder

CHECKPOINTS = "checkpoints"
BEST = "best*.ckpt"
LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
VERSION = "version_"


def find_checkpoint(path: str | Path, *, resume: bool = False) -> Path:
    """The checkpoint that a path means: the file itself, or one of a run's folder.

    Args:
        path: checkpoint file; or folder of a run, ``runs/NAME/version_N``; or folder of an experiment, ``runs/NAME``,
            which means its newest run that has such a checkpoint; or a model folder.
        resume: whether to take the last checkpoint of the run, to train on, and not the best.

    Returns:
        The file. A path that is no folder is returned as it is, whether it exists or not.

    Raises:
        FileNotFoundError: for a folder without runs, or whose runs have no such checkpoint.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for version, name in ((0, "best-epoch=004.ckpt"), (0, "last.ckpt"), (1, "last.ckpt")):
        ...         file = Path(folder, f"version_{version}", "checkpoints", name)
        ...         file.parent.mkdir(parents=True, exist_ok=True)
        ...         file.touch()
        ...     for resume in (False, True):
        ...         print(find_checkpoint(folder, resume=resume).relative_to(folder).as_posix())
        version_0/checkpoints/best-epoch=004.ckpt
        version_1/checkpoints/last.ckpt
    """
    folder = Path(path)
    if not folder.is_dir():
        return folder
    if is_model_folder(folder):
        return folder / WEIGHTS
    runs = _runs(folder)
    for run in runs:
        found = last_checkpoint(run) if resume else best_checkpoint(run)
        if found is not None:
            return found
    raise FileNotFoundError(_why_none(folder, runs, resume))


def best_checkpoint(run: str | Path) -> Path | None:
    """The best checkpoint of a run; None if it has none.

    A run may keep several. The newest of them says which epoch was the best until then, and a later epoch that was
    better would have left a newer file.

    Example:
        >>> best_checkpoint("runs/nowhere") is None
        True
    """
    files = sorted(Path(run, CHECKPOINTS).glob(BEST))
    if len(files) < 2:
        return files[0] if files else None
    choices = {file: choice for file in files if (choice := _choice(file)) is not None}
    if not choices:
        return None
    newest = max(choices, key=lambda file: choices[file][0])
    named = newest.with_name(choices[newest][1])
    return named if named in choices else newest


def last_checkpoint(run: str | Path) -> Path | None:
    """The last checkpoint of a run; None if it has none.

    A run that was killed at the wrong moment has no ``last.ckpt``, but the one before it or a best one.

    Example:
        >>> last_checkpoint("runs/nowhere") is None
        True
    """
    folder = Path(run, CHECKPOINTS)
    for file in (folder / LAST, folder / PREVIOUS):
        if file.is_file():
            return file
    return max(folder.glob(BEST), key=lambda file: file.stat().st_mtime, default=None)


def _runs(folder: Path) -> list[Path]:
    """The run that a folder is, or the runs in it, the newest first."""
    if folder.resolve().name == CHECKPOINTS:
        return [folder.parent]
    if (folder / CHECKPOINTS).is_dir():
        return [folder]
    return sorted((path.parent for path in folder.glob(f"*/{CHECKPOINTS}")), key=_age, reverse=True)


def _age(run: Path) -> tuple[int, float]:
    """Number of the run; one that was renamed comes before all numbered runs, by its time."""
    number = run.name.removeprefix(VERSION)
    return (int(number) if number.isdecimal() else -1, run.stat().st_mtime)


def _choice(file: Path) -> tuple[int, str] | None:
    """Step of a checkpoint, and name of the best checkpoint at that time; None for a damaged file, with a warning."""
    try:
        checkpoint = load_checkpoint(file)
    except ValueError as error:
        warnings.warn(str(error), stacklevel=3)
        return None
    named = choice_of(checkpoint).get("best_model_path", "")
    return int(checkpoint.get("global_step", 0)), Path(str(named)).name


def _why_none(folder: Path, runs: list[Path], resume: bool) -> str:
    """What is missing in a folder, and what to do."""
    wanted = f"{CHECKPOINTS}/{LAST}" if resume else f"{CHECKPOINTS}/best-*.ckpt"
    if not runs:
        return _why_no_run(folder)
    newest = runs[0]
    if not resume and (last := last_checkpoint(newest)):
        return (
            f"{newest} has no best checkpoint: no epoch of it was validated, or candidates_after excluded them all. "
            f"To use its last epoch, give {last}"
        )
    where = f"{folder} has" if newest == folder else f"no run in {folder} has"
    missing = f"no {wanted}" if newest == folder else wanted
    return f"{where} {missing}: its training ended before the first epoch was saved. Train again with `facerec fit`"


def _why_no_run(folder: Path) -> str:
    experiments = sorted({path.parents[1] for path in folder.glob(f"*/*/{CHECKPOINTS}")})
    if experiments:
        return f"{folder} holds experiments, not runs: name one of them, {_some(experiments)}"
    return f"{folder} holds no run of `facerec fit`: give runs/NAME, runs/NAME/{VERSION}N, or a checkpoint file"


def _some(paths: Iterable[Path], most: int = 5) -> str:
    """The first paths of several as text."""
    names = [str(path) for path in paths]
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
