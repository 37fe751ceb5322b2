"""Warns where a network has put all faces onto one direction: then no threshold tells two people apart."""

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from facerec.callbacks.verification import verification_of
from facerec.reports.pair_scoring import is_constant

ALIKE = 0.002  # between the 1st and the 99th percentile of the cosines


class CollapseCheck(Callback):
    """Warns once for each set of pairs whose scores are all alike at a validation of a training.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> from facerec.callbacks import Verification
        >>> callbacks = [Verification(), CollapseCheck()]
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the scores."""
        verification = verification_of(trainer)
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        for name, scored in verification.scores.items():
            low, high = np.percentile(scored.scores, (1, 99))
            alike = is_constant([scored]) or (verification.score_name == "cosine" and high - low < ALIKE)
            if alike and name not in self._warned:
                self._warned.add(name)
                rank_zero_warn(
                    f"step {trainer.global_step}: all scores of {name!r} are alike ({low:.4f} to {high:.4f}), so the "
                    "embeddings have collapsed onto one direction. Lower model.optimizer.lr, or give the margin a "
                    "warm-up (margin_warmup of the loss)"
                )
