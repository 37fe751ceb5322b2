"""``facerec test`` and ``facerec validate`` measure the network as it is used: with batch normalisation folded."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from facerec.backbones import Backbone
from facerec.backbones.folding import fold_for_use
from facerec.callbacks.evaluation import recognizer_of


class FoldedEvaluation(Callback):
    """Measures a trained network with a folded copy of its backbone, which gives the same and is faster.

    Validation within a training uses the backbone as it is.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> folded = FoldedEvaluation()
        >>> trainer = Trainer(callbacks=[folded], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._trained: Backbone | None = None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fold, unless this is training."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._fold(pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fold."""
        self._fold(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the backbone back."""
        self._restore(pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the backbone back."""
        self._restore(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Put the backbone back."""
        self._restore(pl_module)

    def _fold(self, pl_module: LightningModule) -> None:
        recognizer = recognizer_of(pl_module)
        self._trained = recognizer.backbone
        recognizer.backbone = fold_for_use(self._trained, recognizer.preprocess.size, recognizer.memory_format)

    def _restore(self, pl_module: LightningModule) -> None:
        if self._trained is not None:
            recognizer_of(pl_module).backbone = self._trained
            self._trained = None
