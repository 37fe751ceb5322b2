"""What limits the training on a machine, and which setting helps."""

import math

from facerec.checkup.training import Training
from facerec.machine import Machine

WAY_OUT = {
    "reading": "Let facerec pack decode the images once.",
    "transfer": "Set a smaller model.image_size.",
    "augmentation": "Set fewer augmentations in data.augment.",
    "loss": "Set computation: {matmul_precision: bfloat16} in model.loss.init_args, where the loss has it.",
    "optimizer": "Set fused: true in model.optimizer.init_args, where the optimizer has it.",
}
FAST_ENOUGH = 60.0  # images a second; 100,000 images take half an hour then


def advice(training: Training, machine: Machine) -> list[str]:
    r"""Sentences: what takes the most time first, then what to set.

    Example:
        >>> from facerec.checkup.speed import Speed
        >>> phases = {"augment": 0.01, "forward": 0.03, "loss": 0.01, "backward": 0.05, "optimizer": 0.0}
        >>> training = Training("cpu", "32-true", 24, Speed(phases, 32, 32, 9), 5000.0, workers=0, threads=2)
        >>> print("\n".join(advice(training, Machine(cores=2))))
        The network limits: it takes 78 % of the time.
        Set a smaller model.image_size or a narrower network; time falls with pixels and multiply-adds.
    """
    part, share = max(training.shares.items(), key=lambda item: item[1])
    said = [
        f"The {part} limits: it takes {round(100 * share)} % of the time.",
        WAY_OUT[part] if part in WAY_OUT else _faster_network(training, machine),
    ]
    batch, capacity = training.speed.batch_size, training.capacity
    if capacity is not None and 0 < capacity.images < batch:
        parts = math.ceil(batch / capacity.images)
        said.append(
            f"{batch} images do not fit into memory: set data.batch_size {batch // parts} and "
            f"trainer.accumulate_grad_batches {parts}."
        )
    if training.device == "cpu" and training.threads > machine.cores:
        said.append(f"Set OMP_NUM_THREADS={machine.cores}: its threads, {training.threads}, are more than the cores.")
    if training.device == "cpu" and training.threads < machine.cores:
        said.append(f"Unset OMP_NUM_THREADS: torch uses {training.threads} of {machine.cores} cores.")
    if training.device == "cpu" and training.images_per_second < FAST_ENOUGH:
        said.append("experiments/lfw_resnet18_arcface.yaml is made for CPUs.")
    return said


def _faster_network(training: Training, machine: Machine) -> str:
    """What helps where the network takes the most time."""
    is_on_cpu, batch, capacity = training.device == "cpu", training.speed.batch_size, training.capacity
    if is_on_cpu and training.precision == "32-true" and machine.bfloat16:
        return f"Set trainer.precision auto: {machine.bfloat16} instructions make bfloat16 faster."
    if not is_on_cpu and capacity is not None and capacity.images >= 2 * batch:
        return f"Set a larger data.batch_size, up to {capacity.images}, and the learning rate in proportion."
    return "Set a smaller model.image_size or a narrower network; time falls with pixels and multiply-adds."
