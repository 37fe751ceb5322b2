"""A training as it would run on a device: its speed, what each part takes, and the largest batch."""

from dataclasses import dataclass

import torch

from facerec.backbones.small_images import SmallImages
from facerec.checkup.capacity import Capacity, largest_batch
from facerec.checkup.speed import Speed, affordable_batch, measure_reading, measure_speed
from facerec.checkup.training_step import TrainingStep
from facerec.threads import MOST_THREADS

SECONDS, SECONDS_A_STEP, SECONDS_OF_READING = 6.0, 1.0, 0.5


@dataclass(frozen=True)
class Training:
    """A training on a device, as it was measured.

    Attributes:
        device: torch's name of it.
        precision: as of Lightning's Trainer.
        people: number of training people.
        speed: of a training step.
        reading: JPEG images that one core reads in a second.
        workers: processes that read images; 0 reads them between the steps.
        threads: that torch computes with.
        capacity: largest batch; None where unknown.
        small: smaller images at the beginning, whose steps take less time than those measured.
    """

    device: str
    precision: str
    people: int
    speed: Speed
    reading: float
    workers: int
    threads: int
    capacity: Capacity | None = None
    small: SmallImages | None = None

    @property
    def reading_seconds(self) -> float:
        """Time in which the images of a batch are read."""
        return self.speed.batch_size / (self.reading * (self.workers or min(self.threads, MOST_THREADS)))

    @property
    def images_per_second(self) -> float:
        """Images trained in a second, reading included: after a step, or beside it in workers."""
        together = max if self.workers else sum
        return self.speed.batch_size / together((self.speed.seconds, self.reading_seconds))

    @property
    def shares(self) -> dict[str, float]:
        """Share of the time that each part takes. Workers read beside the step: reading has all of it, or nothing."""
        seconds = {
            "reading": self.reading_seconds,
            "transfer": self.speed.phases.get("transfer", 0.0),
            "augmentation": self.speed.phases["augment"],
            "network": self.speed.phases["forward"] + self.speed.phases["backward"],
            "loss": self.speed.phases["loss"],
            "optimizer": self.speed.phases["optimizer"],
        }
        if self.workers and self.reading_seconds > self.speed.seconds:
            return {"reading": 1.0}
        if self.workers:
            del seconds["reading"]
        total = sum(seconds.values())
        return {name: value / total for name, value in seconds.items()}


def measure_training(step: TrainingStep, workers: int, *, quick: bool = False) -> Training:
    """Measure a training on the device of a step.

    A batch of the data that takes long, or that does not fit, is measured with fewer images and scaled up.

    Args:
        step: its batch is another afterwards.
        workers: processes that read images.
        quick: measure one short step.

    Raises:
        ValueError: if not even one image fits into the memory of the device.
    """
    batch_size, capacity = step.data.batch_size, largest_batch(step)
    if capacity is not None and capacity.images == 0:
        raise ValueError(
            f"not one image fits into the memory of {step.device}: set a smaller model.image_size or network"
        )
    most = batch_size if capacity is None else min(batch_size, capacity.images)
    step.set_batch_size(affordable_batch(step, most, SECONDS_A_STEP / 10 if quick else SECONDS_A_STEP))
    speed = measure_speed(step, seconds=0.0, least_steps=1) if quick else measure_speed(step, SECONDS)
    return Training(
        device=str(step.device),
        precision=step.precision,
        people=step.people,
        speed=speed.scaled_to(batch_size),
        reading=measure_reading(step.data.image_size, SECONDS_OF_READING / 5 if quick else SECONDS_OF_READING),
        workers=workers,
        threads=torch.get_num_threads(),
        capacity=capacity,
        small=step.recognizer.small_images,
    )
