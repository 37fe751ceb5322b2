"""A training that fails before its first step leaves no folder under ``runs/``."""

import shutil
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from facerec.reports.surroundings import SURROUNDINGS

WRITTEN_AT_THE_START = ("config.yaml", "hparams.yaml", "events.out.tfevents.*", SURROUNDINGS)


class FailedStart(Callback):
    """Removes the folder of a new run if the training fails, or is interrupted, before its first optimizer step.

    A folder that was there before stays, and so does one that holds more than what the start writes.

    Args:
        logger: logger of the run, before it has written anything.
    """

    def __init__(self, logger: TensorBoardLogger) -> None:
        self._logger = logger
        self._folder = Path(logger.log_dir)
        self._new = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
        self._trains = False

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: object) -> None:
        """Note that there is something to keep."""
        self._trains = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the folder, and those above it that are new and empty."""
        if self._trains or not trainer.is_global_zero or self._folder not in self._new or not self._folder.is_dir():
            return
        self._logger.experiment.close()
        if all(_is_of_the_start(path) for path in self._folder.iterdir()):
            shutil.rmtree(self._folder)
            for folder in self._new[1:]:
                if any(folder.iterdir()):
                    break
                folder.rmdir()


def _is_of_the_start(path: Path) -> bool:
    if path.is_dir():
        return path.name == "checkpoints" and not any(path.iterdir())
    return any(path.match(pattern) for pattern in WRITTEN_AT_THE_START)
