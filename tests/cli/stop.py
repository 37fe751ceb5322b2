"""Callbacks named on the command line: they end a run early, interrupt it, or count their instances."""

from typing import ClassVar

from lightning.pytorch import Callback


class Stop(Callback):
    """Ends the run after an epoch, as a lost machine would."""

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = True


class Interrupt(Callback):
    """Presses Ctrl-C."""

    def on_train_batch_end(self, *args):
        raise KeyboardInterrupt


class Witness(Callback):
    built: ClassVar[int] = 0

    def __init__(self) -> None:
        Witness.built += 1
