"""What the machine at hand can do, and what is chosen for it."""

from facerec.machine.choices import (
    Choice,
    Device,
    choose_precision,
    choose_workers,
    device_kind,
    device_of,
    slow_precision,
)
from facerec.machine.hardware import Gpu, Machine, available_memory, this_machine

__all__ = [
    "Choice",
    "Device",
    "Gpu",
    "Machine",
    "available_memory",
    "choose_precision",
    "choose_workers",
    "device_kind",
    "device_of",
    "slow_precision",
    "this_machine",
]
