"""The tables of ``facerec check``."""

import platform
from collections.abc import Sequence
from importlib import metadata

import torch

from facerec import __version__
from facerec.checkup.agreement import Deviation
from facerec.checkup.training import Training
from facerec.machine import Choice, Machine

PACKAGES = ("torch", "torchvision", "lightning", "numpy", "timm")
GIB = 2**30
EPOCH = 100_000  # images, to give a speed a meaning


def machine_lines(machine: Machine, available: int | None) -> list[str]:
    """Versions and devices.

    Args:
        machine: to describe.
        available: free bytes of memory, None where unknown.
    """
    versions = [f"facerec {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{name} {metadata.version(name)}" for name in PACKAGES]
    vectors = torch.backends.cpu.get_cpu_capability()
    bfloat16 = f"bfloat16 by {machine.bfloat16}" if machine.bfloat16 else "no fast bfloat16"
    memory = "" if available is None else f", {available / GIB:.1f} GiB free"
    threads = f"{machine.cores} cores, torch uses {torch.get_num_threads()}"
    rows = [
        ("versions", ", ".join(versions)),
        ("CPU", f"{machine.processor}, {threads}, {vectors}, {bfloat16}{memory}"),
    ]
    if machine.gpus:
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        rows.append(("CUDA", f"{torch.version.cuda or torch.version.hip}, cuDNN {cudnn}"))
    rows += [
        (f"cuda:{number}", f"{gpu.name}, {gpu.memory / GIB:.0f} GiB, {'' if gpu.has_bfloat16 else 'no '}bfloat16")
        for number, gpu in enumerate(machine.gpus)
    ]
    rows += [("mps", "Apple GPU")] if machine.has_mps else []
    return [f"{name:<9} {text}" for name, text in rows]


def choice_lines(precision: Choice[str], workers: Choice[int]) -> list[str]:
    """Precision and workers, and why."""
    return [
        "settings",
        f"  trainer.precision  {precision.value:<11} {precision.reason}",
        f"  data.num_workers   {workers.value:<11} {workers.reason}",
    ]


def agreement_lines(found: Sequence[Deviation]) -> list[str]:
    """A block for each device: relative deviations, and in brackets what rounding explains."""
    lines = ["relative deviation from this CPU in float64, of augmentations in float32 (what rounding explains)"]
    for device in dict.fromkeys(deviation.place.device for deviation in found):
        here = [deviation for deviation in found if deviation.place.device == device]
        columns = list(dict.fromkeys(deviation.place.arithmetic for deviation in here))
        cells = {(deviation.what, deviation.place.arithmetic): _cell(deviation) for deviation in here}
        lines.append(f"  {device:<28}" + "".join(f"{column:<24}" for column in columns).rstrip())
        for what in dict.fromkeys(deviation.what for deviation in here):
            row = "".join(f"{cells.get((what, column), '-'):<24}" for column in columns)
            lines.append(f"  {what:<28}{row}".rstrip())
    wrong = [deviation for deviation in found if not deviation.agrees]
    verdict = f"{len(wrong)} of {len(found)} deviate by more than rounding" if wrong else f"all {len(found)} agree"
    return [*lines, f"  {verdict}"]


def _cell(deviation: Deviation) -> str:
    mark = "" if deviation.agrees else " WRONG"
    return f"{deviation.value:.0e} ({deviation.tolerance:.0e}){mark}"


def speed_lines(training: Training) -> list[str]:
    """A row for each phase of a training step."""
    speed, total = training.speed, training.speed.seconds
    how = "" if speed.measured_with == speed.batch_size else f", scaled up from {speed.measured_with} images"
    lines = [
        f"training step on {training.device} in {training.precision}: {speed.batch_size} images, "
        f"{training.people:,} people, median of {speed.steps}{how}",
        f"  {'phase':<12}{'ms':>9}{'share':>8}{'images/s':>11}",
    ]
    rows = {**speed.phases, "step": total}
    lines += [
        f"  {phase:<12}{1e3 * seconds:>9.1f}{_percent(seconds / total):>8}{_rate(speed.batch_size, seconds):>11}"
        for phase, seconds in rows.items()
    ]
    minutes = EPOCH / training.images_per_second / 60.0
    duration = f"{minutes:.1f} min" if minutes < 90.0 else f"{minutes / 60.0:.1f} h"
    readers = f"workers: {training.workers}" if training.workers else "read between the steps"
    if training.small is not None:
        height, width = training.small.size
        lines.append(f"  the first {_percent(training.small.until)} of the steps take less: images of {height}x{width}")
    return [
        *lines,
        f"  reading JPEG: {training.reading:,.0f} images/s on one core; {readers}",
        f"  with reading: {training.images_per_second:,.0f} images/s, {duration} for {EPOCH:,} images",
    ]


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _rate(images: int, seconds: float) -> str:
    return f"{images / seconds:,.0f}" if seconds > 0.0 else "-"


def capacity_lines(training: Training) -> list[str]:
    """The largest batch that fits."""
    capacity = training.capacity
    return [] if capacity is None else [f"largest batch: {capacity.images:,} images ({capacity.explanation})"]
