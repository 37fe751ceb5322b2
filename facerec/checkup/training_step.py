"""One training step on random images, as ``facerec fit`` takes it, in phases that can be timed."""

from collections.abc import Callable

import torch

from facerec.checkup.cases import random_bytes
from facerec.data import FaceDataModule
from facerec.data.batches import Batch
from facerec.data.views import augmented
from facerec.recognizer import FaceRecognizer
from facerec.settings import require_choice

PRECISIONS: dict[str, torch.dtype | None] = {
    "32-true": None,
    "bf16-mixed": torch.bfloat16,
    "16-mixed": torch.float16,
}
DIFFERENT = 64  # images in a batch; larger ones repeat them
LEARNING_RATE = 1e-4  # small: random images teach nothing, and weights must stay finite
Lap = Callable[[str], object]


class TrainingStep:
    """Calling it takes a step: transfer, augmentation, forward, loss, backward, optimizer.

    Args:
        recognizer: with the number of people; it is moved to the device and trained.
        data: augmentation, mixing and views; its images are not read.
        device: torch's name of it.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``, which on a CPU is ``bf16-mixed``, as in Lightning.
        batch_size: images in a batch; by default that of the data.

    Raises:
        ValueError: for another precision.
    """

    def __init__(
        self,
        recognizer: FaceRecognizer,
        data: FaceDataModule,
        device: str = "cpu",
        precision: str = "32-true",
        batch_size: int | None = None,
    ) -> None:
        require_choice("trainer.", PRECISIONS, precision=precision)
        self.device = torch.device(device)
        if precision == "16-mixed" and self.device.type == "cpu":
            precision = "bf16-mixed"
        self.precision, self.half = precision, PRECISIONS[precision]
        self.data = data
        self.people = recognizer.num_classes or 1
        self.recognizer = recognizer.to(self.device).train()
        self.optimizer = recognizer.make_optimizer()
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half == torch.float16)
        self.set_batch_size(batch_size or data.batch_size)

    def set_batch_size(self, size: int) -> None:
        """Make a random batch in which each person has ``data.images_per_person`` images, in pinned memory."""
        indices_B = torch.arange(size)
        images_BCHW = random_bytes(min(size, DIFFERENT), self.data.image_size)[indices_B % DIFFERENT]
        labels_B = indices_B // (self.data.images_per_person or 1) % self.people
        batch = Batch(images_BCHW, labels_B, indices_B)
        if self.device.type == "cuda":
            batch = Batch(images_BCHW.pin_memory(), labels_B.pin_memory(), indices_B)
        self.batch = batch

    def __call__(self, lap: Lap = lambda phase: None) -> None:
        """Take a step.

        Args:
            lap: called with the name of each phase at its end.
        """
        batch = self.batch
        if self.device.type != "cpu":
            images_BCHW, labels_B = (part.to(self.device, non_blocking=True) for part in batch[:2])
            batch = Batch(images_BCHW, labels_B, batch.indices)
            lap("transfer")
        seeds = range(self.data.views)
        batch = augmented(batch, self.data.augment, self.data.mix, self.people, seeds, epoch=0)
        lap("augment")
        embeddings_BD = self.embed(batch)
        lap("forward")
        loss = self.recognizer.loss(embeddings_BD, batch.labels)
        lap("loss")
        self.scaler.scale(loss).backward()
        lap("backward")
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.recognizer.loss.step()
        lap("optimizer")

    def embed(self, batch: Batch) -> torch.Tensor:
        """Embeddings of a batch, in the precision of the step."""
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None):
            embeddings_BD: torch.Tensor = self.recognizer(batch.images)
        return embeddings_BD
