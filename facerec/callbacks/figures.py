"""What TensorBoard shows of an evaluation: the ROC curve and the scores of genuine and impostor pairs."""

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facerec.callbacks.verification import verification_of
from facerec.metrics import area_under_roc, equal_error_rate, roc


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
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, (scores_P, same_P) in verification.scores.items():
                    figure = verification_figure(scores_P, same_P, f"{stage}/{name}")
                    logger.experiment.add_figure(f"{stage}/{name}", figure, global_step=trainer.global_step)


def verification_figure(scores_P: NDArray[np.floating], same_P: NDArray[np.bool_], title: str) -> Figure:
    """ROC (FAR on a logarithmic axis) and histogram of scores, side by side.

    Args:
        scores_P: scores (P,).
        same_P: whether each pair shows one person (P,).
        title: of the figure.
    """
    curve = roc(scores_P, same_P)
    rate, threshold = equal_error_rate(scores_P, same_P)
    impostors = int(np.count_nonzero(~same_P))

    figure = Figure(figsize=(9, 3.6), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}: EER {rate:.2%}, AUC {area_under_roc(scores_P, same_P):.4f}", fontsize=10)
    left, right = figure.subplots(1, 2)

    left.step(curve.far, 1.0 - curve.frr, where="post", linewidth=1.5)
    left.plot([rate], [1.0 - rate], "o", markersize=5, label=f"EER {rate:.2%}")
    left.set(xscale="log", xlim=(0.5 / impostors, 1.0), ylim=(0.0, 1.01), xlabel="FAR", ylabel="TAR = 1 - FRR")
    left.grid(alpha=0.3)
    left.legend(loc="lower right", fontsize=8)

    bins = np.linspace(min(-0.2, float(scores_P.min())), 1.0, 61)
    for kind, mask_P in (("impostor", ~same_P), ("genuine", same_P)):
        right.hist(scores_P[mask_P], bins, density=True, alpha=0.6, label=f"{kind} ({np.count_nonzero(mask_P)})")
    right.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"threshold {threshold:.3f}")
    right.set(xlabel="cosine score", ylabel="density")
    right.legend(fontsize=8)
    return figure
