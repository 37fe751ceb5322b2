"""How long the phases of a training step take, and how many images a second one core reads."""

import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from facerec.checkup.cases import random_bytes
from facerec.checkup.training_step import TrainingStep
from facerec.data.images import read_image

FILES = 32
PROBE = 8  # images in the first, short steps
PER_STEP = ("optimizer",)  # phases whose time does not depend on the number of images


@dataclass(frozen=True)
class Speed:
    """Time of a training step.

    Attributes:
        phases: seconds of each phase in a step, in their order.
        batch_size: images in a step.
        measured_with: images in the steps that were measured, if it was another number.
        steps: number of steps measured; phases are their medians.
    """

    phases: dict[str, float]
    batch_size: int
    measured_with: int
    steps: int

    @property
    def seconds(self) -> float:
        """Time of a step."""
        return sum(self.phases.values())

    @property
    def images_per_second(self) -> float:
        """Images trained in a second."""
        return self.batch_size / self.seconds

    def scaled_to(self, batch_size: int) -> "Speed":
        """The time of a step with another batch: in proportion to the images, but for the optimizer."""
        factor = batch_size / self.batch_size
        phases = {name: time if name in PER_STEP else factor * time for name, time in self.phases.items()}
        return replace(self, phases=phases, batch_size=batch_size)


def affordable_batch(step: TrainingStep, most: int, seconds: float = 1.0) -> int:
    """Number of images with which a step takes about some seconds: a large batch may take minutes on a CPU.

    Args:
        step: its batch is another afterwards.
        most: number of images that is not exceeded.
        seconds: wanted.
    """
    probe = min(most, max(PROBE, 2 * (step.data.images_per_person or 1)))
    step.set_batch_size(probe)
    per_image = measure_speed(step, seconds=0.0, least_steps=1).seconds / probe
    return max(probe, min(most, int(seconds / per_image)))


def measure_speed(step: TrainingStep, seconds: float = 5.0, least_steps: int = 3) -> Speed:
    """Time the phases of a step, after one step to warm up.

    On a GPU the clock waits for the device at the end of each phase, so that a phase has all of its own time.

    Args:
        step: to take again and again.
        seconds: how long to measure.
        least_steps: number of steps that are measured however long they take.
    """
    laps: dict[str, list[float]] = {}
    last = 0.0

    def lap(phase: str) -> None:
        nonlocal last
        _wait_for(step.device)
        now = time.perf_counter()
        laps.setdefault(phase, []).append(now - last)
        last = now

    step()
    _wait_for(step.device)
    start = time.perf_counter()
    steps = 0
    while steps < least_steps or time.perf_counter() - start < seconds:
        last = time.perf_counter()
        step(lap)
        steps += 1
    medians = {phase: statistics.median(times) for phase, times in laps.items()}
    size = len(step.batch.labels)
    return Speed(medians, size, size, steps)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def measure_reading(image_size: tuple[int, int], seconds: float = 0.5) -> float:
    """Images of JPEG files that one core reads in a second: the best of many rounds, from the cache of the disk."""
    images = random_bytes(FILES, image_size).permute(0, 2, 3, 1).numpy()
    best, end = float("inf"), time.perf_counter() + seconds
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.jpg") for number in range(FILES)]
        for path, pixels in zip(paths, images, strict=True):
            Image.fromarray(np.ascontiguousarray(pixels)).save(path, quality=95)
        while best == float("inf") or time.perf_counter() < end:
            start = time.perf_counter()
            for path in paths:
                read_image(path)
            best = min(best, time.perf_counter() - start)
    return FILES / best
