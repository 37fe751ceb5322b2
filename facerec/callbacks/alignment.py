"""Warns where a network is measured on faces that were aligned differently from its training images."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from facerec.align.record import difference
from facerec.callbacks.evaluation import Stage, data_of, recognizer_of


class AlignmentCheck(Callback):
    """Compares the alignment of each set of pairs with that of the training images. It warns once for each set.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[AlignmentCheck()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._warned: set[tuple[Stage, str]] = set()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the validation pairs."""
        self._compare(trainer, pl_module, "val")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the test pairs."""
        self._compare(trainer, pl_module, "test")

    def _compare(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        trained_on = recognizer_of(pl_module).card.alignment
        if trained_on is None:
            return
        for name, pairs in data_of(trainer).pair_sets(stage).items():
            if (stage, name) not in self._warned:
                self._warned.add((stage, name))
                what = f"the images of the {stage} pairs {name!r}"
                message = difference(trained_on, pairs.alignment, what)
                if message:
                    rank_zero_warn(message)
