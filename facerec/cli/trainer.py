"""Lightning's Trainer, which also takes ``precision: auto``."""

from typing import Any, Literal

from lightning.pytorch import Trainer

from facerec.machine import choose_precision

Precision = (
    Literal[
        "auto",
        "32-true",
        "bf16-mixed",
        "16-mixed",
        "64-true",
        "bf16-true",
        "16-true",
        "transformer-engine",
        "transformer-engine-float16",
        "32",
        "bf16",
        "16",
        "64",
        32,
        16,
        64,
    ]
    | None
)


class FaceTrainer(Trainer):
    """Lightning's Trainer, with a precision that is chosen for the machine.

    Args:
        precision: number format of the network; losses and scores are float32 with any. ``auto`` chooses bf16-mixed,
            16-mixed or 32-true for the machine, and the run records the choice.
        kwargs: all other settings of Lightning's Trainer.

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
        super().__init__(precision=chosen, **kwargs)
