"""Which checkpoints are kept: the one with the lowest validation EER, and the last."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class BestCheckpoint(ModelCheckpoint):
    """Keeps the epoch with the lowest (or highest) value of a validation metric, and the last epoch.

    Args:
        monitor: logged name that chooses; ``val/eer`` is the mean EER over the validation sets.
        mode: whether lower (``min``) or higher (``max``) is better.
        save_top_k: how many of the best epochs to keep.
        candidates_after: share of the epochs that pass before one may be kept as best, in [0, 1). On few validation
            people an early epoch can look best by luck, before a margin has warmed up and the learning rate has fallen.

    Raises:
        ValueError: if ``candidates_after`` lies outside [0, 1).
    """

    def __init__(
        self, monitor: str = "val/eer", mode: str = "min", save_top_k: int = 1, candidates_after: float = 0.0
    ) -> None:
        if not 0.0 <= candidates_after < 1.0:
            raise ValueError(f"checkpoint.candidates_after={candidates_after}: a share of the epochs lies in [0, 1)")
        self.candidates_after = candidates_after
        super().__init__(
            monitor=monitor,
            mode=mode,
            save_top_k=save_top_k,
            save_last=True,
            filename="best-epoch={epoch:03d}",
            auto_insert_metric_name=False,  # a "/" in the metric's name would make folders
        )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep each epoch that was validated as the last: Lightning would only where it is among the best."""
        super().on_train_epoch_end(trainer, pl_module)
        validated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
        if validated and not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether the present epoch is among the best of those that may be kept."""
        share = (trainer.current_epoch + 1) / trainer.max_epochs if trainer.max_epochs else 1.0
        passed = share < 0.0 or share > self.candidates_after  # below 0 there is no last epoch
        return passed and super().check_monitor_top_k(trainer, current)
