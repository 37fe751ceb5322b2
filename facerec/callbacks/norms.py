"""Norms of the gradients and of the weights of the network: the first signs of a training that runs away."""

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from facerec.callbacks.evaluation import recognizer_of
from facerec.data.batches import Batch


class Norms(Callback):
    """Logs ``train/gradient_norm`` and ``train/weight_norm`` of the backbone, each of all its numbers together.

    The gradient is that of the step before it is clipped. It is looked at every ``trainer.log_every_n_steps`` steps,
    and nowhere without a logger.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[Norms()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._batch = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """Note which batch it is."""
        self._batch = batch_idx

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Log. Under mixed precision the gradients are unscaled by now."""
        recognizer = recognizer_of(pl_module)
        if trainer.loggers and recognizer.is_logged(self._batch):
            weights = list(recognizer.backbone.parameters())
            gradients = [weight.grad for weight in weights if weight.grad is not None]
            pl_module.log("train/gradient_norm", get_total_norm(gradients))
            pl_module.log("train/weight_norm", get_total_norm([weight.detach() for weight in weights]))
