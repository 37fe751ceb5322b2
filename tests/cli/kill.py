"""A callback that sends its own process a signal at a named moment. After SIGKILL nothing is cleaned up."""

import os
import signal

from lightning.pytorch import Callback


class Kill(Callback):
    """Sends a signal when a hook is called for the n-th time.

    Args:
        hook: ``batch``, ``validation``, ``epoch_end`` or ``dump`` (a checkpoint is being put together).
        count: the n-th call.
        number: of the signal.
    """

    def __init__(self, hook: str, count: int, number: int = signal.SIGKILL) -> None:
        self.hook = hook
        self.left = count
        self.number = number

    def _called(self, hook: str) -> None:
        self.left -= hook == self.hook
        if hook == self.hook and self.left == 0:
            os.kill(os.getpid(), self.number)

    def on_train_batch_end(self, *args):
        self._called("batch")

    def on_validation_batch_end(self, *args):
        self._called("validation")

    def on_train_epoch_end(self, *args):
        self._called("epoch_end")

    def on_save_checkpoint(self, *args):
        self._called("dump")
