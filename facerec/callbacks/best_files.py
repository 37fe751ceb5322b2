"""Which best checkpoints are in the folder of a run, and with which scores: the files themselves say."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from facerec.checkpoints import load_checkpoint
from facerec.run_folders import BEST


@dataclass(frozen=True)
class BestFile:
    """A checkpoint that was among the best when it was written.

    Attributes:
        path: of the file.
        step: optimizer steps behind it.
        score: value of the metric that chose it.
    """

    path: str
    step: int
    score: Tensor


def best_files(folder: str | Path, state_key: str) -> list[BestFile]:
    """The best checkpoints in a folder, the earliest first. Damaged ones are left out, with a warning.

    Args:
        folder: of the checkpoints of a run.
        state_key: name of the state of the callback that wrote them.

    Example:
        >>> best_files("runs/nowhere", "BestCheckpoint")
        []
    """
    found = [_read(path, state_key) for path in sorted(Path(folder).glob(BEST))]
    return sorted((file for file in found if file is not None), key=lambda file: file.step)


def _read(path: Path, state_key: str) -> BestFile | None:
    try:
        checkpoint = load_checkpoint(path)
    except ValueError as error:
        warnings.warn(f"{error}. It is no longer among the best checkpoints of the run", stacklevel=4)
        return None
    score = ((checkpoint.get("callbacks") or {}).get(state_key) or {}).get("current_score")
    if not isinstance(score, Tensor):
        return None
    return BestFile(str(path), int(checkpoint["global_step"]), score.clone())


def best_of(files: list[BestFile], count: int, mode: str) -> list[BestFile]:
    """The best of some files, in their order; of equal scores the earlier counts as better.

    Args:
        files: the earliest first.
        count: number to choose; all if it is -1.
        mode: ``min`` if a lower score is better, ``max`` if a higher one is.
    """
    if count < 0:
        return files
    ranked = sorted(files, key=lambda file: float(file.score), reverse=mode == "max")  # keeps the order of equal ones
    return [file for file in files if file in ranked[:count]]
