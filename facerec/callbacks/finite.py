"""Ends a training whose loss or gradient is no longer finite, and says where it went wrong."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from facerec.callbacks.evaluation import recognizer_of
from facerec.callbacks.last_checkpoint import last_checkpoints
from facerec.data.batches import Batch
from facerec.data.datamodule import FaceDataModule
from facerec.lightning_private import is_scaled
from facerec.settings import require_choice

NAMED_FILES = 3
NAMED_NORMS = 3
MOST_SKIPPED = 100  # steps in a row


@dataclass(frozen=True)
class Step:
    """What is known of a step before it changes the weights. The tensors are not read until they are looked at.

    Attributes:
        number: optimizer steps before it.
        learning_rate: of the first group of parameters.
        losses: loss of each batch since the step before.
        gradient_norm: norm of all gradients together.
        images: index of each image in its source, a tensor for each batch.
    """

    number: int
    learning_rate: float
    losses: tuple[Tensor, ...]
    gradient_norm: Tensor
    images: tuple[Tensor, ...]

    def is_finite(self, scaled: bool) -> bool:
        """Whether loss and gradient are numbers. A scaled gradient of float16 may be infinite: its step is left out."""
        values = list(self.losses) if scaled else [*self.losses, self.gradient_norm]
        return all(bool(torch.isfinite(value).all()) for value in values)


class FiniteSteps(Callback):
    """Looks at loss and gradient of each step, and ends the training where one is not finite.

    On a CPU it looks before the step changes the weights, and saves them as they were. On a GPU a look would wait for
    the device, so it looks every ``log_every_n_steps`` steps, before each validation and before each checkpoint. No
    checkpoint of bad weights is written.

    Args:
        non_finite: ``stop`` ends the training. ``skip`` leaves such steps out, counts them as ``train/skipped_steps``
            and goes on; it looks at every step, which takes some speed on a GPU. 100 such steps in a row end it too.

    Raises:
        ValueError: for another choice.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> callbacks = [FiniteSteps(non_finite="skip")]
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, non_finite: Literal["stop", "skip"] = "stop") -> None:
        require_choice("finite.", ("stop", "skip"), non_finite=non_finite)
        self.non_finite = non_finite
        self.skipped = 0
        self._skipped_in_a_row = 0
        self._losses: list[Tensor] = []
        self._images: list[Tensor] = []
        self._steps: deque[Step] = deque()
        self._buffers: list[Tensor] = []

    def state_dict(self) -> dict[str, Any]:
        """The number of steps that were left out."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.skipped = state_dict["skipped"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the images, and what the forward pass changes: the running statistics."""
        if isinstance(batch, Batch):
            self._images.append(batch.indices)
        if looks_at_once(trainer):
            self._buffers = [buffer.clone() for buffer in recognizer_of(pl_module).backbone.buffers()]

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Note the loss."""
        self._losses.append(loss.detach())

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Note the gradient, and look at it where that is due."""
        gradients = [parameter.grad for parameter in _parameters(optimizer) if parameter.grad is not None]
        step = Step(
            trainer.global_step,
            float(optimizer.param_groups[0]["lr"]),
            tuple(self._losses),
            get_total_norm(gradients),
            tuple(self._images),
        )
        self._losses, self._images = [], []
        self._steps.append(step)
        if self.non_finite == "skip":
            self._skip(trainer, pl_module, optimizer)
        elif looks_at_once(trainer) or (step.number + 1) % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._look(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look before weights are measured."""
        self._look(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look before weights are saved."""
        self._look(trainer, pl_module)

    def _look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the training if one of the last steps was not finite."""
        scaled = is_scaled(trainer)
        bad = next((step for step in self._steps if not step.is_finite(scaled)), None)
        is_present = bad is not None and bad.number == trainer.global_step
        self._steps.clear()
        if bad is None and not looks_at_once(trainer):
            _save_soon(trainer)
        if trainer.strategy.reduce_boolean_decision(bad is not None, all=False):
            is_saved = is_present and looks_at_once(trainer) and self._save_before(trainer)
            raise ValueError(_message(trainer, pl_module, bad, is_present, is_saved))

    def _save_before(self, trainer: Trainer) -> bool:
        """Save the weights that no bad step has changed yet, if they are finite."""
        for buffer, before in zip(
            recognizer_of(trainer.lightning_module).backbone.buffers(), self._buffers, strict=True
        ):
            buffer.copy_(before)
        state = trainer.lightning_module.state_dict().values()
        if not all(bool(torch.isfinite(value).all()) for value in state if value.is_floating_point()):
            return False
        for checkpoint in last_checkpoints(trainer):
            checkpoint.save_within_batch(trainer)
        return any(checkpoint.last_model_path for checkpoint in last_checkpoints(trainer))

    def _skip(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Leave this step out if it is not finite: a parameter without a gradient is left as it is."""
        step, is_present = self._steps.pop(), True
        bad = not step.is_finite(is_scaled(trainer))
        if not trainer.strategy.reduce_boolean_decision(bad, all=False):
            self._skipped_in_a_row = 0
            return
        self.skipped += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= MOST_SKIPPED:
            raise ValueError(
                f"{MOST_SKIPPED} steps in a row were left out. "
                + _message(trainer, pl_module, step, is_present, is_saved=False)
            )
        if self.skipped == 1:
            rank_zero_warn(f"step {step.number} is left out: its loss or gradient is not finite. Others are counted")
        for parameter in _parameters(optimizer):
            parameter.grad = None
        pl_module.log("train/skipped_steps", float(self.skipped))


def looks_at_once(trainer: Trainer) -> bool:
    """Whether looking at a step costs nothing: on one CPU."""
    return trainer.world_size == 1 and trainer.strategy.root_device.type == "cpu"


def _parameters(optimizer: Optimizer) -> Iterator[Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]


def _save_soon(trainer: Trainer) -> None:
    """Let weights that are known to be good be saved, where none are."""
    for checkpoint in last_checkpoints(trainer):
        if not checkpoint.last_model_path:
            checkpoint.ask()


def _message(trainer: Trainer, pl_module: LightningModule, step: Step | None, is_present: bool, is_saved: bool) -> str:
    if step is None:
        return "loss or gradient of another process is not finite: its message says more"
    losses = ", ".join(f"{float(loss.mean()):.4g}" for loss in step.losses)
    gradients = {name: weights.grad for name, weights in pl_module.named_parameters() if weights.grad is not None}
    parts = [
        f"step {step.number}, loss {losses}, gradient norm {float(step.gradient_norm):.4g}, learning rate "
        f"{step.learning_rate:.4g}",
        f"Largest weights: {_largest(pl_module.named_parameters())}",
        *([f"Largest gradients: {_largest(gradients.items())}"] if is_present else []),
        f"Images: {_files(trainer, step.images)}",
        "Lower model.optimizer.lr, lengthen the warm-up of model.schedule, or set --finite.non_finite skip",
    ]
    if is_saved:
        parts.append("The weights before this step are saved")
    return "loss or gradient is not finite at " + ". ".join(parts)


def _largest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """The tensors with the largest norms; one that is not finite counts as the largest."""
    norms = {name: float(tensor.detach().float().norm()) for name, tensor in tensors}
    order = sorted(norms, key=lambda name: norms[name] if norms[name] < float("inf") else float("inf"), reverse=True)
    return ", ".join(f"{name} {norms[name]:.4g}" for name in order[:NAMED_NORMS])


def _files(trainer: Trainer, images: tuple[Tensor, ...]) -> str:
    """Names of the first images."""
    data = getattr(trainer, "datamodule", None)
    indices = torch.cat(images).tolist() if images else []
    if not isinstance(data, FaceDataModule) or data.train is None or not indices:
        return "unknown"
    names = ", ".join(data.train.name(index) for index in indices[:NAMED_FILES])
    more = len(indices) - NAMED_FILES
    return f"{names} and {more} more" if more > 0 else names
