"""Callbacks named on the command line: one ends a run early, as a lost machine would, one counts its instances."""

from typing import ClassVar

from lightning.pytorch import Callback


class Stop(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = True


class Witness(Callback):
    built: ClassVar[int] = 0

    def __init__(self) -> None:
        Witness.built += 1
