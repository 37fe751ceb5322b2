"""What is trained, in one line: in place of Lightning's summary, whose multiply-adds are 0."""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from facerec.backbones.cost import count_parameters, multiply_adds
from facerec.callbacks.evaluation import recognizer_of
from facerec.recognizer import FaceRecognizer


class ModelFacts(Callback):
    """Logs the size and cost of the network and of its loss, and where it is trained.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[ModelFacts()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._facts = ""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Count, before a strategy shares the network among devices."""
        if stage == "fit" and trainer.is_global_zero:
            self._facts = facts(recognizer_of(pl_module))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log it."""
        devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
        rank_zero_info(f"{self._facts}; on {devices}{trainer.strategy.root_device.type}, {trainer.precision}")


def facts(recognizer: FaceRecognizer) -> str:
    """Backbone with its parameters and multiply-adds for one image, and loss with its parameters."""
    backbone, loss, (height, width) = recognizer.backbone, recognizer.loss, recognizer.preprocess.size
    cost = multiply_adds(backbone, (height, width))
    heads = count_parameters(loss)
    return (
        f"{type(backbone).__name__}: {_short(count_parameters(backbone))} parameters, {_short(cost)} multiply-adds at "
        f"{height}x{width}; {type(loss).__name__}: {_short(heads)} parameters"
    )


def _short(count: int) -> str:
    """A count with three digits.

    Example:
        >>> [_short(count) for count in (384, 45_300, 2_776_000, 439_000_000, 12_100_000_000)]
        ['384', '45.3 K', '2.78 M', '439 M', '12.1 G']
    """
    value, unit = float(count), ""
    for larger in ("K", "M", "G", "T"):
        if value < 999.5:
            break
        value, unit = value / 1000.0, larger
    digits = 0 if not unit or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}".rstrip()
