"""Ctrl-C and SIGTERM: the training ends between two steps, and a checkpoint of that step is saved."""

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from facerec.callbacks.last_checkpoint import LastCheckpoint, is_between_steps, last_checkpoints
from facerec.lightning_private import started_processes

SECONDS_TO_END = 5.0
TERMINATED = 143  # the status of a process that SIGTERM ends, in shells


class Interruption(Callback):
    """Ends a training at Ctrl-C or SIGTERM, with a checkpoint from which it goes on, and says how.

    The first signal lets the step end. The second ends the training at once, and nothing is saved. Several processes
    agree on the step, so they look for a signal every ``log_every_n_steps`` batches.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> from facerec.callbacks import BestCheckpoint
        >>> callbacks = [Interruption(), BestCheckpoint()]
        >>> trainer = Trainer(callbacks=callbacks, logger=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._trains = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals. Lightning gives them back at the end."""
        self._received, self._trains = None, True
        if threading.current_thread() is not threading.main_thread():
            return
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let SIGTERM end a measurement, which Lightning would let run on."""
        _end_at_once(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As for a validation."""
        _end_at_once(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Save and stop, if a signal came."""
        alone = trainer.world_size == 1
        looks = alone or batch_idx % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if looks and is_between_steps(trainer, batch_idx) and self._is_asked(trainer):
            for checkpoint in last_checkpoints(trainer):
                checkpoint.save_between_batches(trainer)
            self._stop()

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any) -> None:
        """Save and stop, if a signal came. The resumed run starts this validation anew."""
        if self._received is None or trainer.world_size > 1 or trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch or is_between_steps(
            trainer, trainer.fit_loop.batch_idx + 1
        ):
            for checkpoint in last_checkpoints(trainer):
                checkpoint.save_before_validation(trainer)
            self._stop()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the checkpoint of this epoch be saved, if a signal came."""
        if self._is_asked(trainer):
            for checkpoint in last_checkpoints(trainer):
                checkpoint.ask()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, if a signal came at the end of the last epoch, which is saved."""
        if trainer.current_epoch > 0 and self._is_asked(trainer):
            self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Say how the training goes on, and let no process that this one started outlive it."""
        if processes := started_processes(trainer):
            atexit.register(end_processes, processes)
        for checkpoint in last_checkpoints(trainer):
            if self._trains and checkpoint.last_model_path:
                _say(f"\nStep {checkpoint.saved_step} is saved. To go on: facerec fit --ckpt_path {_short(checkpoint)}")

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._received = self._received is not None, number
        if again:
            self._stop()
        _say(f"\n{signal.Signals(number).name}: the training ends after this step. Once more to end it at once")

    def _is_asked(self, trainer: Trainer) -> bool:
        asked = self._received is not None
        return asked if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(asked, all=False)

    def _stop(self) -> None:
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SIGTERMException(TERMINATED)


def _end_at_once(trainer: Trainer) -> None:
    if trainer.state.fn != "fit" and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_processes(processes: list[Popen[bytes]]) -> None:
    """End processes that wait for one that has failed: with NCCL they would wait for minutes.

    Those that fail as well get seconds to say why.
    """
    give_up = time.monotonic() + SECONDS_TO_END
    for process in processes:
        with suppress(TimeoutExpired):
            process.wait(max(0.0, give_up - time.monotonic()))
    for process in processes:
        process.kill()  # nothing, where it has ended


def _short(checkpoint: LastCheckpoint) -> str:
    """Path of the last checkpoint as the user would write it."""
    path = os.path.relpath(checkpoint.last_model_path)
    return checkpoint.last_model_path if Path(path).parts[0] == ".." else path


@rank_zero_only
def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
