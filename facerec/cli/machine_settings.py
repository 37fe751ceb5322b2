"""Settings of a run that are ``auto``: the choice for the machine replaces them, and is recorded with the run."""

from importlib import import_module
from typing import Any

from lightning.pytorch.plugins import Precision
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from facerec.machine import choose_precision, choose_workers, device_kind, slow_precision


def choose_for_machine(settings: Any) -> None:
    """Replace ``trainer.precision: auto`` and ``data.num_workers: auto``, and say why; warn of a slow precision.

    Args:
        settings: of a run, parsed and before anything is built from them. Changed in place.

    Raises:
        ValueError: for ``trainer.sync_batchnorm`` on other devices than GPUs, which torch refuses at the first step.
    """
    trainer, data = settings.trainer, settings.data
    accelerator, devices = accelerator_name(trainer.accelerator), trainer.devices
    if trainer.get("sync_batchnorm") and (kind := device_kind(accelerator)) != "cuda":
        raise ValueError(f"trainer.sync_batchnorm works on GPUs alone, and this run is on {kind}: leave it out")
    if trainer.precision == "auto" and _has_precision(trainer.get("plugins")):
        trainer.precision = None  # the plugin has the precision
    elif trainer.precision == "auto":
        choice = choose_precision(accelerator, devices)
        trainer.precision = choice.value
        rank_zero_info(f"trainer.precision: auto is {choice.value}: {choice.reason}")
    elif warning := slow_precision(trainer.precision, accelerator):
        rank_zero_warn(warning)
    if data.num_workers == "auto":
        is_decoded = _is_decoded(data.get("train")) and not data.get("transforms")
        workers = choose_workers(accelerator, devices, is_decoded=is_decoded)
        data.num_workers = workers.value
        rank_zero_info(f"data.num_workers: auto is {workers.value}: {workers.reason}")


def accelerator_name(accelerator: Any) -> str:
    """Name of Lightning's ``accelerator``, which may also be a class with settings."""
    if isinstance(accelerator, str):
        return accelerator
    return str(accelerator.class_path).rpartition(".")[2].removesuffix("Accelerator").lower()


def _has_precision(plugins: Any) -> bool:
    """Whether a plugin of the trainer sets the precision, which then must not be set a second time."""
    listed = plugins if isinstance(plugins, list) else [plugins]
    return any(issubclass(named, Precision) for named in map(named_class, listed) if named is not None)


def _is_decoded(source: Any) -> bool:
    """Whether the training images that ``data.train`` names need no decoding."""
    named = named_class(source)
    return named is not None and bool(getattr(named, "is_decoded", False))


def named_class(settings: Any) -> type | None:
    """The class that settings name by ``class_path``; None for settings that name none."""
    path = getattr(settings, "class_path", None)
    if path is None:
        return None
    module, _, name = str(path).rpartition(".")
    found: type = getattr(import_module(module), name)
    return found
