"""Which checkpoints are kept: the one with the lowest validation EER, and the last."""

from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Keeps the epoch with the lowest (or highest) value of a validation metric, and the last epoch.

    Args:
        monitor: logged name that chooses; ``val/eer`` is the mean EER over the validation sets.
        mode: whether lower (``min``) or higher (``max``) is better.
        save_top_k: how many of the best epochs to keep.
    """

    def __init__(self, monitor: str = "val/eer", mode: str = "min", save_top_k: int = 1) -> None:
        super().__init__(
            monitor=monitor,
            mode=mode,
            save_top_k=save_top_k,
            save_last=True,
            filename="best-epoch={epoch:03d}",
            auto_insert_metric_name=False,  # a "/" in the metric's name would make folders
        )
