"""What one sees while a training goes on: a line that is redrawn on a terminal, lines one below the other elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from lightning.pytorch.utilities import rank_zero_info

from facerec.callbacks.pace import Pace, clock_text

# Shortest names: a line has 80 columns. Metrics of other callbacks follow under their own names.
NAMES = {
    "train/loss": "loss",
    "val/eer": "EER",
    "val_ema/eer": "EMA",
    "val_swa/eer": "SWA",
    "val/accuracy": "acc",
    "val/accuracy_nearest_mean": "acc",
}
SECONDS_BETWEEN = 0.5
SECONDS_BETWEEN_LINES = 60.0


def describe(metrics: Mapping[str, float | int | str]) -> str:
    """Metrics of the progress line, rates in per cent.

    Example:
        >>> describe({"train/loss": 3.64, "val/accuracy": 0.979, "val/eer": 0.0889})
        'loss 3.64  EER 8.9%  acc 97.9%'
    """
    ordered = [*(name for name in NAMES if name in metrics), *(name for name in metrics if name not in NAMES)]
    return "  ".join(f"{NAMES.get(name, name)} {_number(name, metrics[name])}" for name in ordered)


def shown_metrics(trainer: Trainer) -> dict[str, float | int | str]:
    """The last loss, and what callbacks log for the progress line. It waits for the device."""
    loss = trainer.callback_metrics.get("train/loss")
    shown: dict[str, float | int | str] = {} if loss is None else {"train/loss": float(loss)}
    shown.update({name: value for name, value in trainer.progress_bar_metrics.items() if not isinstance(value, dict)})
    return shown


def _number(name: str, value: float | int | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1%}" if name != "train/loss" and name in NAMES else f"{value:#.3g}"


class Line(Tqdm):
    """A bar with text behind it.

    Attributes:
        text: what stands behind the bar.
    """

    text = ""

    @property
    def format_dict(self) -> dict[str, Any]:
        """What ``bar_format`` may name."""
        return {**super().format_dict, "text": self.text}


class RunProgress(TQDMProgressBar):
    """One line with the epoch, its batches, the time left for the whole training, the loss and the last EER.

    It is drawn at most twice a second and reads the loss only then: reading it at each step makes a GPU wait.
    The bars of evaluations vanish when they are done.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[RunProgress()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    TRAINING = "{desc} {n_fmt}/{total_fmt} |{bar}| {text}"
    EVALUATION = "{desc} {n_fmt}/{total_fmt} |{bar}| {remaining} left"

    def __init__(self) -> None:
        super().__init__()
        self._pace: Pace | None = None
        self._drawn = 0.0
        self._evaluated = 0

    def _line(self, description: str, bar_format: str, total: float | None = None) -> Line:
        return Line(
            desc=description,
            total=total,
            disable=self.is_disabled,
            leave=bar_format == self.TRAINING,
            dynamic_ncols=True,
            file=sys.stdout,
            bar_format=bar_format,
        )

    # A training

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and the line."""
        self._pace = Pace(trainer)
        self.train_progress_bar = self._line(self._epoch, self.TRAINING, self.total_train_batches)

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Say which epoch it is."""
        self.train_progress_bar.set_description_str(self._epoch, refresh=False)
        self.train_progress_bar.reset(self.total_train_batches)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw the line, unless it was drawn just now."""
        self.train_progress_bar.n = batch_idx + 1
        if self._is_due or batch_idx + 1 == self.total_train_batches:
            self._draw(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing: the line was drawn with the last batch, or with the validation after it."""

    @property
    def _epoch(self) -> str:
        epochs = self._pace.epochs if self._pace else 1
        return f"epoch {self.trainer.current_epoch + 1}/{epochs}"

    @property
    def _is_due(self) -> bool:
        return time.perf_counter() - self._drawn > SECONDS_BETWEEN

    def _draw(self, trainer: Trainer) -> None:
        self._drawn = time.perf_counter()
        line = self.train_progress_bar
        if line.disable or self._pace is None or not isinstance(line, Line):
            return
        left = self._pace.left
        time_left = "" if left is None else f"{clock_text(left)} left  "
        line.text = time_left + describe(shown_metrics(trainer))
        line.refresh()

    # An evaluation: within a training it is said in the line of the training

    def on_sanity_check_start(self, trainer: Trainer, *args: Any) -> None:
        """Start the line of the validation that tries out whether one works."""
        self._evaluated = 0
        self.val_progress_bar = self._line("trying", self.EVALUATION, _total(trainer.num_sanity_val_batches))

    def on_sanity_check_end(self, *args: Any) -> None:
        """End it."""
        self.val_progress_bar.close()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the line of a validation."""
        self._evaluated = 0
        if trainer.state.fn == "validate":
            self.val_progress_bar = self._line("validating", self.EVALUATION, _total(trainer.num_val_batches))

    def on_validation_batch_start(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the line counts the batches of all sets."""

    def on_validation_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Count a batch."""
        self._evaluated += 1
        if trainer.state.fn == "validate" or trainer.sanity_checking:
            self.val_progress_bar.update()
        elif self._is_due:
            self._drawn = time.perf_counter()
            done = f"{self._evaluated}/{_total(trainer.num_val_batches)}"
            self.train_progress_bar.set_description_str(f"validating {done} after {self._epoch}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show what was measured."""
        if trainer.state.fn == "validate":
            self.val_progress_bar.close()
        elif not trainer.sanity_checking:
            self.train_progress_bar.set_description_str(self._epoch, refresh=False)
            self._draw(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the line of a test."""
        self.test_progress_bar = self._line("testing", self.EVALUATION, _total(trainer.num_test_batches))

    def on_test_batch_start(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the line counts the batches of all sets."""

    def on_test_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Count a batch."""
        self.test_progress_bar.update()


def _total(batches: Sequence[float]) -> float:
    """Number of batches of all evaluation sets."""
    return sum(batches)


class ProgressLog(Callback):
    """One line after each validation, and at the end of an epoch if a minute has passed since the last: for a log file.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[ProgressLog()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._said = time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._pace = Pace(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what was measured."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._say(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how far the training has come."""
        if time.perf_counter() - self._said > SECONDS_BETWEEN_LINES:
            self._say(trainer)

    def _say(self, trainer: Trainer) -> None:
        if self._pace is None:
            return
        self._said = time.perf_counter()
        left = self._pace.left
        ends = "" if left is None else f", {clock_text(left)} left"
        passed = clock_text(self._pace.passed)
        epoch = f"epoch {trainer.current_epoch + 1}/{self._pace.epochs}"
        rank_zero_info(f"{epoch}  {describe(shown_metrics(trainer))}  ({passed} passed{ends})")
