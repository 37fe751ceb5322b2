"""What TensorBoard shows of an evaluation: the ROC curve and the scores of genuine and impostor pairs."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure

from facerec.callbacks.evaluation import recognizer_of
from facerec.callbacks.verification import verification_of
from facerec.reports.curves import verification_figure

__all__ = ["VerificationFigures", "show", "verification_figure"]


class VerificationFigures(Callback):
    """Draws each set of pairs after each evaluation, under ``<stage>/<set>`` in TensorBoard's image tab."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the validation sets."""
        if not trainer.sanity_checking:
            self._draw(trainer, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test sets."""
        self._draw(trainer, "test")

    def _draw(self, trainer: Trainer, stage: str) -> None:
        if not trainer.is_global_zero:
            return
        verification = verification_of(trainer)
        for name, scored in verification.scores.items():
            if any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers):
                figure = verification_figure(scored.scores, scored.same, f"{stage}/{name}", verification.score_name)
                show(trainer, f"{stage}/{name}", figure)


def show(trainer: Trainer, tag: str, figure: Figure) -> None:
    """Add a figure to TensorBoard, where a run has it."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            step = recognizer_of(trainer.lightning_module).steps_taken
            logger.experiment.add_figure(tag, figure, global_step=step)
