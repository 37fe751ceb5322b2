"""Collects the embeddings of one pass over the evaluation sets, for the callbacks that measure them."""

import copy
from abc import abstractmethod
from typing import Any, Literal, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import Self

from facerec.data.batches import Batch
from facerec.data.datamodule import FaceDataModule
from facerec.recognizer import FaceRecognizer

Stage = Literal["val", "test"]


class SetTable:
    """Rows by image index. Any process adds them in any order; an image that comes twice counts once."""

    def __init__(self) -> None:
        self._indices: list[Tensor] = []
        self._rows: list[Tensor] = []

    def add(self, indices_B: Tensor, rows: Tensor) -> None:
        """Add rows (B, ...) for the images ``indices_B`` (B,)."""
        self._indices.append(indices_B)
        self._rows.append(rows)

    def gather(self, pl_module: LightningModule) -> tuple[Tensor, Tensor]:
        """Sorted image indices (N,) and their rows (N, ...), of all processes.

        The sampler repeats some images to give each process the same number. So tensors gather as they are, and the
        repeats fall away here.
        """
        indices = cast(Tensor, pl_module.all_gather(torch.cat(self._indices))).flatten()
        rows = torch.cat(self._rows)
        rows = cast(Tensor, pl_module.all_gather(rows)).reshape(-1, *rows.shape[1:])
        unique, position = torch.unique(indices, return_inverse=True)
        first = torch.empty_like(unique)
        first.scatter_(0, position, torch.arange(len(indices), device=indices.device))
        return unique.cpu(), rows[first].cpu()


class EvaluationCallback(Callback):
    """Collects one row for each image of some evaluation sets, and measures them at the end of the pass."""

    def __init__(self) -> None:
        self._tables: dict[str, SetTable] = {}
        self._suffix = ""

    def twin(self, suffix: str) -> Self:
        """A callback that measures other weights on the same images. Its user calls its hooks.

        Args:
            suffix: added to the stage in the names that it logs: ``_ema`` gives ``val_ema/eer``.
        """
        other = copy.copy(self)
        other._suffix = suffix
        other._start()
        return other

    def logged_stage(self, stage: Stage) -> str:
        """The beginning of the names that it logs."""
        return f"{stage}{self._suffix}"

    @abstractmethod
    def wants(self, name: str) -> bool:
        """Whether this callback measures the evaluation set of that name."""

    @abstractmethod
    def rows(self, recognizer: FaceRecognizer, embeddings_BD: Tensor, batch: Batch) -> Tensor:
        """What to keep of each image of a batch: (B, ...)."""

    @abstractmethod
    def measure(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage, tables: dict[str, SetTable]) -> None:
        """Measure the tables of this pass and log the numbers.

        Args:
            trainer: that runs the pass. Its module logs and gathers.
            recognizer: whose embeddings the tables hold: that module, or averaged weights beside it.
            stage: of the pass.
            tables: what was collected of each set.
        """

    def log_number(self, trainer: Trainer, name: str, value: float, *, prog_bar: bool = False) -> None:
        """Log a number of the pass.

        One of the raw weights beside an average has no place in the curves of the run, whose names are the average's.
        """
        module = trainer.lightning_module
        module.log(name, value, prog_bar=prog_bar, sync_dist=True, logger=not module.takes_raw_weights)

    def _start(self) -> None:
        self._tables = {}

    def _collect(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, loader: int, stage: Stage
    ) -> None:
        name = data_of(trainer).evaluation_sets(stage)[loader]
        if self.wants(name):
            rows = self.rows(recognizer_of(pl_module), outputs, batch)
            self._tables.setdefault(name, SetTable()).add(batch.indices, rows)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass."""
        self._start()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass."""
        self._start()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the rows of a batch."""
        self._collect(trainer, pl_module, outputs, batch, dataloader_idx, "val")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the rows of a batch."""
        self._collect(trainer, pl_module, outputs, batch, dataloader_idx, "test")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure."""
        self.measure(trainer, recognizer_of(pl_module), "val", self._tables)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure."""
        self.measure(trainer, recognizer_of(pl_module), "test", self._tables)


def data_of(trainer: Trainer) -> FaceDataModule:
    """The data module of a run.

    Raises:
        TypeError: if the trainer runs on something else.
    """
    datamodule = getattr(trainer, "datamodule", None)
    if not isinstance(datamodule, FaceDataModule):
        raise TypeError("this callback measures the sets of a FaceDataModule: pass datamodule= to the trainer")
    return datamodule


def recognizer_of(pl_module: LightningModule) -> FaceRecognizer:
    """The module as a FaceRecognizer.

    Raises:
        TypeError: if it is another LightningModule.
    """
    if not isinstance(pl_module, FaceRecognizer):
        raise TypeError(f"this callback measures a FaceRecognizer, not a {type(pl_module).__name__}")
    return pl_module
