"""What ``auto`` chooses for a machine, and why: pure functions of a :class:`Machine`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from facerec.machine.hardware import Gpu, Machine, this_machine

MOST_WORKERS = 8
MEMORY_OF_A_WORKER = 128 * 2**20  # bytes of shared memory for the batches it prepares ahead
Device = Literal["cpu", "cuda", "mps", "other"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """A setting chosen for a machine.

    Attributes:
        value: the setting.
        reason: why, as a phrase without a full stop.

    Example:
        >>> Choice("32-true", "float32 works everywhere").value
        '32-true'
    """

    value: Value
    reason: str


def choose_precision(
    accelerator: str = "auto", devices: int | str | Sequence[int] = "auto", machine: Machine | None = None
) -> Choice[str]:
    """The precision that trains fastest on a machine without losing accuracy: what ``trainer.precision: auto`` is.

    It depends on what the devices can do, not on a measurement, so that it is the same at each start.

    Args:
        accelerator: as of Lightning's Trainer: ``auto``, ``cpu``, ``gpu``, ``cuda``, ``mps``, ...
        devices: as of Lightning's Trainer. All GPUs in use must have bfloat16 instructions for ``bf16-mixed``.
        machine: by default the one at hand.

    Returns:
        ``bf16-mixed``, ``16-mixed`` or ``32-true``, and the reason.

    Example:
        >>> from facerec.machine import Machine, choose_precision
        >>> choose_precision(machine=Machine(bfloat16="AMX")).value
        'bf16-mixed'
        >>> choose_precision(machine=Machine()).reason
        'the processor has neither AMX nor AVX512-BF16 in use: bfloat16 would be 2 to 11 times slower than float32'
    """
    machine = machine or this_machine()
    device = device_of(accelerator, machine)
    if device == "cuda" and (gpus := gpus_in_use(devices, machine)):
        old = [gpu.name for gpu in gpus if not gpu.has_bfloat16]
        if old:
            return Choice("16-mixed", f"{old[0]} has float16 instructions and no bfloat16 ones")
        return Choice("bf16-mixed", f"{gpus[0].name} has bfloat16 instructions")
    if device == "cpu" and machine.bfloat16 is not None:
        return Choice("bf16-mixed", f"{machine.bfloat16} instructions make bfloat16 faster than float32")
    if device == "cpu":
        slow = "bfloat16 would be 2 to 11 times slower than float32"
        return Choice("32-true", f"the processor has neither AMX nor AVX512-BF16 in use: {slow}")
    name = "an Apple GPU" if device == "mps" else f"accelerator {accelerator}"
    return Choice("32-true", f"float32 works everywhere, and mixed precision is not tried on {name}")


def choose_workers(
    accelerator: str = "auto",
    devices: int | str | Sequence[int] = "auto",
    machine: Machine | None = None,
    *,
    is_decoded: bool = False,
) -> Choice[int]:
    """The number of processes that read images for each training process: what ``data.num_workers: auto`` is.

    The images and their augmentation do not depend on it.

    Args:
        accelerator: as of Lightning's Trainer.
        devices: as of Lightning's Trainer. Their processes share the cores.
        machine: by default the one at hand.
        is_decoded: whether the training images need no work as they are read, as in a pack: no decoding, and no
            transforms of torchvision.

    Example:
        >>> from facerec.machine import Gpu, Machine, choose_workers
        >>> choose_workers(machine=Machine(cores=12, gpus=(Gpu("A100", 40 * 2**30, True),))).value
        8
        >>> choose_workers(machine=Machine(cores=12)).reason
        'the training keeps the cores of a CPU busy, and its threads read the images'
    """
    machine = machine or this_machine()
    device = device_of(accelerator, machine)
    if device == "cpu":
        return Choice(0, "the training keeps the cores of a CPU busy, and its threads read the images")
    if device != "cuda":
        return Choice(0, f"workers are not tried with accelerator {accelerator}")
    if is_decoded:
        return Choice(0, "the images are decoded: passing them between processes takes longer than reading them")
    processes = max(1, len(gpus_in_use(devices, machine)))
    free = max(0, machine.cores // processes - 1)
    if machine.shared_memory is not None:
        fitting = machine.shared_memory // (MEMORY_OF_A_WORKER * processes)
        if fitting < min(free, MOST_WORKERS):
            mebibytes = machine.shared_memory // 2**20
            return Choice(fitting, f"the shared memory has {mebibytes} MiB free (docker run --shm-size 8g gives more)")
    share = "" if processes == 1 else f", {processes} training processes"
    return Choice(min(free, MOST_WORKERS), f"{machine.cores} cores{share}, one left to each training process")


def slow_precision(
    precision: str | int | None, accelerator: str = "auto", machine: Machine | None = None
) -> str | None:
    """A warning for a precision that is slow on a machine; None for any other.

    Args:
        precision: as of Lightning's Trainer.
        accelerator: as of Lightning's Trainer.
        machine: by default the one at hand.

    Example:
        >>> from facerec.machine import Machine, slow_precision
        >>> print(slow_precision("bf16-mixed", "cpu", Machine()))
        trainer.precision=bf16-mixed: this CPU has no fast bfloat16 instructions. 32-true is 2 to 11 times as fast.
    """
    machine, name = machine or this_machine(), str(precision)
    device = device_of(accelerator, machine)
    old = [gpu.name for gpu in machine.gpus if not gpu.has_bfloat16]
    is_bfloat16, is_float16 = name.startswith("bf16"), name in ("16", "16-mixed")
    if device == "cuda" and is_bfloat16 and old:
        return f"trainer.precision={name}: {old[0]} has no bfloat16 instructions. 16-mixed is several times as fast."
    if device != "cpu" or machine.bfloat16 is not None or not (is_bfloat16 or is_float16):
        return None
    becomes = " On a CPU Lightning turns it into bf16-mixed." if is_float16 else ""
    return (
        f"trainer.precision={name}: this CPU has no fast bfloat16 instructions.{becomes} "
        "32-true is 2 to 11 times as fast."
    )


def device_of(accelerator: str, machine: Machine) -> Device:
    """The kind of device that Lightning's ``accelerator`` stands for on a machine.

    Example:
        >>> device_of("auto", Machine()), device_of("gpu", Machine(has_mps=True))
        ('cpu', 'mps')
    """
    if accelerator in ("auto", "gpu"):
        return "mps" if machine.has_mps else "cuda" if machine.gpus else "cpu"
    known: dict[str, Device] = {"cpu": "cpu", "cuda": "cuda", "mps": "mps"}
    return known.get(accelerator, "other")


def device_kind(accelerator: str) -> Device:
    """The kind of device that Lightning's ``accelerator`` stands for here.

    Example:
        >>> device_kind("cpu")
        'cpu'
    """
    return device_of(accelerator, this_machine())


def gpus_in_use(devices: int | str | Sequence[int], machine: Machine) -> tuple[Gpu, ...]:
    """The GPUs that Lightning's ``devices`` stands for; all of them where it cannot be read, which Lightning refuses.

    Example:
        >>> machine = Machine(gpus=(Gpu("A100", 40 * 2**30, True), Gpu("T4", 16 * 2**30, False)))
        >>> [[gpu.name for gpu in gpus_in_use(devices, machine)] for devices in ("auto", 1, "1,", [1], -1)]
        [['A100', 'T4'], ['A100'], ['T4'], ['T4'], ['A100', 'T4']]
    """
    if devices in ("auto", -1, "-1"):
        return machine.gpus
    try:
        if isinstance(devices, str) and "," in devices:
            devices = [int(part) for part in devices.split(",") if part.strip()]
        if isinstance(devices, (int, str)):
            return machine.gpus[: int(devices)]
        return tuple(machine.gpus[index] for index in devices)
    except (IndexError, ValueError):
        return machine.gpus
