"""What the processes of one training share of a loss, and what each has for itself."""

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from facerec.lightning_private import is_scaled
from facerec.losses import Loss
from facerec.losses.sharding import sharded_parts, split_over_processes


def prepare_processes(module: nn.Module, loss: Loss, trainer: Trainer) -> None:
    """Split the class weights of a ``sharded`` loss, and let DDP send nothing that need not travel.

    Processes compute the loss of their whole batch, so its buffers are the same in each. Else the centres of all people
    would travel in every step. Class weights that are split are different ones in each.

    Args:
        module: that DDP will train; it has the loss as ``loss``.
        loss: built for all people.
        trainer: of the training.

    Raises:
        ValueError: if the trainer cannot train split class weights.
    """
    names = [f"loss.{name}" for name, _ in loss.named_buffers()]
    if sharded_parts(loss) and trainer.world_size > 1:
        require_split_can_train(trainer)
        names += [f"loss.{name}" for name in split_over_processes(loss)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, names)  # type: ignore[no-untyped-call]


def require_split_can_train(trainer: Trainer) -> None:
    """Refuse a trainer under which class weights that are split would not learn as whole ones do.

    Raises:
        ValueError: naming the setting and the way out.
    """
    if not isinstance(trainer.strategy, DDPStrategy):
        raise ValueError(
            f"model.loss sharded: it needs trainer.strategy=ddp. {type(trainer.strategy).__name__} handles class "
            "weights in its own way"
        )
    if is_scaled(trainer):
        raise ValueError(
            "trainer.precision=16-mixed with a sharded loss: a gradient that overflows in one process would leave out "
            "its step in that process alone. Set trainer.precision=bf16-mixed or 32-true, or leave sharded out"
        )
