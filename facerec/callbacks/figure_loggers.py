"""The loggers that take figures, and how each of them takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from numpy.typing import NDArray

from facerec.callbacks.evaluation import recognizer_of
from facerec.reports.events import tag_of

if TYPE_CHECKING:  # matplotlib is imported with the first figure
    from matplotlib.figure import Figure


def takes_figures(trainer: Trainer) -> bool:
    """Whether this process has a logger that takes figures: without one nothing need be drawn."""
    has_any = any(isinstance(logger, (TensorBoardLogger, WandbLogger, MLFlowLogger)) for logger in trainer.loggers)
    return has_any and trainer.is_global_zero


def show(trainer: Trainer, name: str, figure: Figure, step: int | None = None) -> None:
    """Send a figure to every logger that takes it: TensorBoard, W&B and MLflow.

    One of raw weights beside an average is kept as a file alone.

    Args:
        trainer: with the loggers.
        name: of the figure, such as ``val/lfw/det``.
        figure: the figure.
        step: optimizer steps behind the weights; by default those of the model.
    """
    recognizer = recognizer_of(trainer.lightning_module)
    if not recognizer.takes_raw_weights and trainer.is_global_zero:
        taken = recognizer.steps_taken if step is None else step
        for logger in trainer.loggers:
            _send(logger, name, figure, max(taken - 1, 0))  # loggers count steps from 0, as for numbers


def tensorboards(trainer: Trainer) -> list[TensorBoardLogger]:
    """TensorBoard's loggers of a trainer."""
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]


def _send(logger: Logger, name: str, figure: Figure, step: int) -> None:
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(tag_of(name), pixels(figure), step, dataformats="HWC")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [pixels(figure)], step)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_figure(logger.run_id, figure, f"figures/{name}/{step:08d}.png")


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as an image: uint8 (H, W, 3), RGB.

    Example:
        >>> from matplotlib.figure import Figure
        >>> pixels(Figure(figsize=(2, 1), dpi=50)).shape
        (50, 100, 3)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
