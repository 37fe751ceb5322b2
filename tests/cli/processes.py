"""Callbacks that note what the processes of a run must have worked out together, or that let one of them fail."""

import torch
from lightning.pytorch import Callback

from facerec.callbacks.accuracy import class_means
from facerec.callbacks.averages import average_of
from facerec.losses import Center


def shared_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """12 embeddings of 4 people, the same in every process."""
    return torch.randn(12, 5, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 4


class NoteShared(Callback):
    def on_train_start(self, trainer, pl_module):
        """Centres after three batches, of which this process has its share."""
        embeddings, labels = shared_batch()
        mine = slice(trainer.global_rank, None, trainer.world_size)
        loss = Center(0.5)
        loss.build(5, 4)
        for _ in range(3):
            loss(embeddings[mine], labels[mine])
        torch.save(loss.centers, f"centers_{trainer.global_rank}.pt")

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        """The images of the first batch, and what is logged of it."""
        if trainer.global_step == 1:
            logged = {name: trainer.callback_metrics[f"train/{name}"] for name in ("loss", "accuracy", "other_cosine")}
            torch.save({"indices": batch.indices} | logged, f"first_{trainer.global_rank}.pt")

    def on_train_end(self, trainer, pl_module):
        """Averaged weights, whose batch statistics the processes have estimated together."""
        average = average_of(trainer)
        if average is not None:
            torch.save(average.averaged.state_dict(), f"average_{trainer.global_rank}.pt")

    def on_test_end(self, trainer, pl_module):
        """Means of the training people, whose images the processes share."""
        torch.save(class_means(trainer, pl_module), f"means_{trainer.global_rank}_of_{trainer.world_size}.pt")


class SpoilImage(Callback):
    """Truncates an image of the second batch of one process, behind the checks before the training."""

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def on_train_start(self, trainer, pl_module):
        if trainer.global_rank == self.rank:
            loader = trainer.train_dataloader
            loader.sampler.set_epoch(0)
            position = list(loader.sampler)[loader.batch_size]
            path = trainer.datamodule.train.name(loader.dataset.indices[position])
            with open(path, "r+b") as file:
                file.truncate(100)


class SpoilBatch(Callback):
    """Puts a NaN into an image of the second batch of one process."""

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_rank == self.rank and batch_idx == 1:
            batch.images.view(-1)[0] = float("nan")
