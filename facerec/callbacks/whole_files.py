"""Checkpoints that are on the disk whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO

from facerec.files import written_whole
from facerec.run_folders import PREVIOUS

UNFINISHED = ".*.partial.ckpt"


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place, then renames it.

    Lightning's own way writes into the folder for temporary files. From there to a run on another disk the file is
    copied, and a copy can end halfway.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     WholeFiles().save_checkpoint({"global_step": 3}, f"{folder}/last.ckpt")
        ...     torch.load(f"{folder}/last.ckpt", weights_only=True)
        {'global_step': 3}
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a file. After an error, an older one is as it was.

        Raises:
            OSError: if the disk is full, or the file cannot be written for another reason.
        """
        if "://" in str(path):  # not on a disk of this machine
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        with written_whole(path) as unfinished:
            _write(checkpoint, unfinished, path)


def _write(checkpoint: dict[str, Any], file: Path, name: str | Path) -> None:
    try:
        with file.open("wb") as opened:
            torch.save(checkpoint, opened)
            opened.flush()
            os.fsync(opened.fileno())  # before the rename, or a power cut could leave an empty file
    except (OSError, RuntimeError) as error:  # torch hides the system's error behind its own
        cause = next((cause for cause in (error, error.__context__) if isinstance(cause, OSError)), None)
        if cause is None:
            raise
        reason = cause.strerror or cause
        raise OSError(f"{name} could not be written: {reason}. What was there before is kept") from error


def write_whole_files(trainer: Trainer) -> None:
    """Let a trainer write its checkpoints so, unless it has another way of its own."""
    strategy = trainer.strategy
    if type(strategy.checkpoint_io) is TorchCheckpointIO:
        strategy.checkpoint_io = WholeFiles()


def keep_previous(last: str | Path) -> None:
    """Let the last checkpoint be kept as ``previous.ckpt`` beside it when it is replaced."""
    last = Path(last)
    previous, link = last.with_name(PREVIOUS), last.with_name(f".{PREVIOUS}.link")
    if not last.is_file():
        return
    try:
        link.unlink(missing_ok=True)
        os.link(last, link)
        os.replace(link, previous)
    except OSError:  # a file system without links
        os.replace(last, previous)


def remove_unfinished(folder: str | Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote a checkpoint."""
    for file in Path(folder).glob(UNFINISHED):
        with suppress(OSError):
            file.unlink()
