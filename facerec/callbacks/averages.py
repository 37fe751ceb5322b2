"""Averaged weights before the averaging has begun: they are the trained ones."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging

from facerec.lightning_private import averaged_model


class EarlyAverages(Callback):
    """Lets Lightning's weight averaging begin late, such as ``EMAWeightAveraging(update_starting_at_epoch=50)``.

    Until its first update Lightning measures and saves the weights that the network began with. This callback gives the
    average the trained weights until then. It comes before the averaging among the callbacks.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> from lightning.pytorch.callbacks import EMAWeightAveraging
        >>> callbacks = [EarlyAverages(), EMAWeightAveraging(update_starting_at_epoch=50)]
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._is_measured = False

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before a validation of the average."""
        _follow(trainer, pl_module)
        self._is_measured = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After it."""
        self._is_measured = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Before the average is saved."""
        if not self._is_measured:
            _follow(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the average replaces the trained weights."""
        _follow(trainer, pl_module)


@torch.no_grad()
def _follow(trainer: Trainer, pl_module: LightningModule) -> None:
    """Copy the trained weights into each average that has not begun."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = averaged_model(callback) if isinstance(callback, WeightAveraging) else None
        if average is not None and int(average.n_averaged) == 0:
            average.module.load_state_dict(pl_module.state_dict())
