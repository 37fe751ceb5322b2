"""What a logger shows of each validation: the ROC curve and the scores of genuine and impostor pairs."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from facerec.callbacks.figure_loggers import show, takes_figures
from facerec.callbacks.verification import verification_of
from facerec.reports.curves import verification_figure


class VerificationFigures(Callback):
    """Draws each set of pairs after each validation of a training, under ``val/<set>`` in TensorBoard's image tab.

    After `facerec validate` and `facerec test`, :class:`facerec.callbacks.Report` draws it.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> from facerec.callbacks import Verification
        >>> callbacks = [Verification(), VerificationFigures()]  # the figures need the scores of the first
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the validation sets."""
        is_training = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if is_training and takes_figures(trainer):
            for name, scored in verification_of(trainer).scores.items():
                show(trainer, f"val/{name}", verification_figure(scored, f"val/{name}"))
