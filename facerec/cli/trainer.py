"""Lightning's Trainer, which also takes ``precision: auto`` and shows a run in facerec's own way."""

import sys
from typing import Any, Literal

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelSummary, ProgressBar

from facerec.callbacks import ModelFacts, ProgressLog, RunProgress
from facerec.machine import choose_precision, device_kind

# Lightning's others keep the weights themselves in another format, and images and losses here are float32.
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed", "32", "bf16", "16", 32, 16] | None


class FaceTrainer(Trainer):
    """Lightning's Trainer, with a precision that is chosen for the machine, and with facerec's display.

    On a terminal, ``enable_progress_bar`` (the default) shows a line that is redrawn. In a log file, and with
    ``enable_progress_bar=False``, there is one line for each validation. A progress bar in ``callbacks`` replaces both.
    ``enable_model_summary`` (the default) logs the network's size and cost. A summary in ``callbacks`` replaces it.

    Args:
        precision: number format of the network; losses and scores are float32 with any. ``auto`` chooses bf16-mixed,
            16-mixed or 32-true for the machine, and the run records the choice.
        kwargs: all other settings of Lightning's Trainer. ``benchmark`` is on by default on a GPU, unless
            ``deterministic`` is set: cuDNN tries its algorithms at the first batch of a shape, and takes the fastest.

    Example:
        >>> trainer = FaceTrainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        >>> trainer.precision in ("bf16-mixed", "32-true")
        True
    """

    # The command line reads the other settings from Lightning's own constructor.
    def __init__(self, *, precision: Precision = "auto", **kwargs: Any) -> None:
        if precision == "auto":
            chosen: Any = choose_precision(str(kwargs.get("accelerator", "auto")), kwargs.get("devices", "auto")).value
        else:
            chosen = precision
        if kwargs.get("benchmark") is None and _has_one_shape_on_a_gpu(kwargs):
            kwargs["benchmark"] = True
        if not kwargs.get("barebones"):
            kwargs |= _own_display(kwargs)
        super().__init__(precision=chosen, **kwargs)


def _has_one_shape_on_a_gpu(settings: dict[str, Any]) -> bool:
    """Whether cuDNN may try its algorithms once, and go on with the fastest: they round differently."""
    return device_kind(str(settings.get("accelerator", "auto"))) == "cuda" and not settings.get("deterministic")


def _own_display(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a trainer that replace Lightning's display by facerec's.

    What shows comes first among the callbacks: then a bar is closed before another callback prints a table.
    """
    callbacks = settings.get("callbacks") or []
    callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    has_bar = any(isinstance(callback, ProgressBar) for callback in callbacks)
    shown: list[Callback] = []
    if not has_bar:
        has_bar = settings.get("enable_progress_bar") is not False and sys.stdout.isatty()
        shown.append(RunProgress() if has_bar else ProgressLog())
    has_summary = any(isinstance(callback, ModelSummary) for callback in callbacks)
    if not has_summary and settings.get("enable_model_summary") is not False:
        shown.append(ModelFacts())
    return {"callbacks": [*shown, *callbacks], "enable_progress_bar": has_bar, "enable_model_summary": False}
