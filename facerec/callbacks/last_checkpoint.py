"""The last checkpoint of a run, saved at any time, and a training that goes on from it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from facerec.callbacks import position
from facerec.callbacks.best_files import best_files, best_of
from facerec.callbacks.whole_files import keep_previous, remove_unfinished, write_whole_files
from facerec.data.batches import BatchLoader
from facerec.lightning_private import ExtensibleCheckpoint
from facerec.settings import require_positive


class LastCheckpoint(ExtensibleCheckpoint):
    """Saves ``last.ckpt`` after epochs, steps or minutes, and lets a run go on from it as if it had not been killed.

    A resumed run goes on behind the batches that it has seen. It knows the best checkpoints in its folder, also if the
    folder was moved. The last checkpoint but one is kept as ``previous.ckpt``.

    Args:
        monitor: logged name that chooses the best.
        mode: ``min`` if lower is better, ``max`` if higher is better.
        save_top_k: number of best epochs to keep.
        every_n_steps: number of optimizer steps after which the last checkpoint is saved again.
        every_minutes: time in minutes after which it is saved again.

    Attributes:
        saved_step: optimizer steps behind the last checkpoint.

    Raises:
        ValueError: if an interval is not positive.
    """

    def __init__(
        self,
        monitor: str,
        mode: Literal["min", "max"],
        save_top_k: int,
        every_n_steps: int | None,
        every_minutes: float | None,
    ) -> None:
        if every_n_steps is not None:
            require_positive("checkpoint.", every_n_steps=every_n_steps)
        if every_minutes is not None:
            require_positive("checkpoint.", every_minutes=every_minutes)
        self.every_n_steps = every_n_steps
        self.every_minutes = every_minutes
        self.saved_step = 0
        self._saved_at = time.monotonic()
        self._asked = False
        self._rewrite: Callable[[dict[str, Any]], None] | None = None
        self._batches_behind = 0
        self._found_steps: set[int] = set()
        super().__init__(
            monitor=monitor,
            mode=mode,
            save_top_k=save_top_k,
            save_last=True,
            filename="best-epoch={epoch:03d}",
            auto_insert_metric_name=False,  # a "/" in the metric's name would make folders
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let the checkpoints be written whole."""
        super().setup(trainer, pl_module, stage)
        write_whole_files(trainer)

    # Resuming

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Note where the training stood, and know what is in the folder of the run."""
        if trainer.state.fn != "fit":
            return
        fit_loop = checkpoint["loops"]["fit_loop"]
        if trainer.max_steps >= 0 and position.is_at_epoch_end(fit_loop):
            position.before_epoch(fit_loop)
        self._batches_behind = position.batches_done(fit_loop)
        self.saved_step = checkpoint["global_step"]
        self._know_folder(trainer)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing: the folder of the run tells what was kept, also if it was moved."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After a resume, go on behind the batches that were seen."""
        super().on_train_start(trainer, pl_module)
        self._saved_at = time.monotonic()
        loader = trainer.train_dataloader
        if trainer.ckpt_path is not None and isinstance(loader, BatchLoader):
            is_through = self._batches_behind >= trainer.num_training_batches  # the next batch is of the next epoch
            loader.load_state_dict({"batches": 0 if is_through else self._batches_behind})

    def _know_folder(self, trainer: Trainer) -> None:
        """Take note of the checkpoints in the folder, and remove what a killed process left there."""
        assert self.dirpath is not None
        looks = trainer.is_global_zero and self.save_top_k != 0
        files = best_files(self.dirpath, self.state_key) if looks else []
        kept = best_of(files, self.save_top_k, self.mode)
        if trainer.is_global_zero:
            remove_unfinished(self.dirpath)
            for file in files:
                if file not in kept and Path(file.path).resolve() != Path(str(trainer.ckpt_path)).resolve():
                    Path(file.path).unlink(missing_ok=True)
        scores = {file.path: file.score for file in kept}
        last = Path(self.dirpath, f"{self.CHECKPOINT_NAME_LAST}{self.FILE_EXTENSION}")
        scores, steps, last_path = trainer.strategy.broadcast(
            (scores, {file.step for file in kept}, str(last) if last.is_file() else "")
        )
        self.know_best(scores)
        self._found_steps = steps
        self.last_model_path = last_path

    # Saving

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let Lightning's record of the loops say where the training stands."""
        if self._rewrite is not None:
            self._rewrite(checkpoint["loops"]["fit_loop"])

    def save_between_batches(self, trainer: Trainer) -> None:
        """Save the last checkpoint, in ``on_train_batch_start``."""
        self._save_as(trainer, position.between_batches)

    def save_within_batch(self, trainer: Trainer) -> None:
        """Save the last checkpoint before a batch changes the weights. A resumed run starts this batch anew.

        Nothing is saved if the batches before it have not made a step yet.
        """
        batch_idx = trainer.fit_loop.batch_idx
        if batch_idx == 0:
            self._save_as(trainer, position.before_first_batch)
        elif is_between_steps(trainer, batch_idx):
            self._save_as(trainer, position.between_batches)

    def save_before_validation(self, trainer: Trainer) -> None:
        """Save the last checkpoint within a validation, which a resumed run starts anew."""
        self._save_as(trainer, position.before_validation)

    def _save_as(self, trainer: Trainer, rewrite: Callable[[dict[str, Any]], None]) -> None:
        self._rewrite = rewrite
        try:
            self.save_last_now(trainer)
        finally:
            self._rewrite = None

    def save_last_now(self, trainer: Trainer) -> None:
        """Save the present weights as the last checkpoint, unless this step is saved."""
        super().save_last_now(trainer)
        self._asked = False
        self._saved_at, self.saved_step = time.monotonic(), trainer.global_step

    def before_last_is_replaced(self, trainer: Trainer, path: str) -> None:
        """Keep the one before, for the case that the new one is damaged one day."""
        if trainer.is_global_zero:
            keep_previous(path)

    def ask(self) -> None:
        """Let the last checkpoint be saved at the end of this epoch."""
        self._asked = True

    def is_due(self, trainer: Trainer) -> bool:
        """Whether the last checkpoint was asked for, or the steps or the minutes between two of them have passed."""
        if self._asked:
            return True
        if self.every_n_steps is not None and trainer.global_step - self.saved_step >= self.every_n_steps:
            return True
        if self.every_minutes is None:
            return False
        if trainer.world_size > 1 and trainer.fit_loop.total_batch_idx % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return False  # the processes agree, which costs them time
        passed = time.monotonic() - self._saved_at >= 60.0 * self.every_minutes
        return trainer.strategy.reduce_boolean_decision(passed, all=False)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save the last checkpoint where it is due: the batch before is done, logged and validated."""
        if is_between_steps(trainer, batch_idx) and self.is_due(trainer):
            self.save_between_batches(trainer)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether the current weights are among the best, and were not saved before the run was killed."""
        return trainer.global_step not in self._found_steps and super().check_monitor_top_k(trainer, current)


def is_between_steps(trainer: Trainer, batch_idx: int) -> bool:
    """Whether no batch of the epoch waits for an optimizer step, before the batch ``batch_idx`` (from 0)."""
    return batch_idx > 0 and batch_idx % trainer.accumulate_grad_batches == 0


def last_checkpoints(trainer: Trainer) -> list[LastCheckpoint]:
    """The callbacks of a trainer that keep a last checkpoint."""
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, LastCheckpoint)]
