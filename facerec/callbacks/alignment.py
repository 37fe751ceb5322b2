"""Says so where a network is measured on faces that were aligned otherwise than those it was trained on."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from facerec.align.record import RECORD_FILE, UNKNOWN, Alignment
from facerec.callbacks.evaluation import Stage, data_of, recognizer_of


class AlignmentCheck(Callback):
    """Compares how the images of each set of pairs were aligned with how the training images were; warns once a set."""

    def __init__(self) -> None:
        self._warned: set[tuple[Stage, str]] = set()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the validation pairs."""
        self._compare(trainer, pl_module, "val")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the test pairs."""
        self._compare(trainer, pl_module, "test")

    def _compare(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        trained_on = recognizer_of(pl_module).alignment
        if trained_on is None:
            return
        for name, pairs in data_of(trainer).pair_sets(stage).items():
            if (stage, name) not in self._warned:
                self._warned.add((stage, name))
                warn_of_other_alignment(Alignment.from_dict(trained_on), pairs.alignment, f"the {stage} pairs {name!r}")


def warn_of_other_alignment(trained_on: Alignment, measured_on: Alignment | None, what: str) -> None:
    """Warn unless both were aligned in the same way.

    Args:
        trained_on: how the training images were aligned.
        measured_on: how the others were, or None where nothing says so.
        what: the others, for the message.
    """
    if measured_on is None:
        rank_zero_warn(
            f"the training images were aligned by {trained_on}; nothing says how the images of {what} were (no "
            f"{RECORD_FILE} in their folder or above). Align them alike: facerec align SRC DST --detector "
            f"{trained_on.detector} --template {trained_on.template}"
        )
    elif not trained_on.same_look(measured_on):
        unknown = UNKNOWN in (trained_on.detector, measured_on.detector)
        hint = "say with `detector` what found the points of a list, and " if unknown else ""
        rank_zero_warn(
            f"the training images were aligned by {trained_on}, those of {what} by {measured_on}: that costs "
            f"accuracy (with another detector, an EER of 1.6 % became 2.0 %); {hint}align both alike"
        )
