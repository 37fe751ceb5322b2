"""Settings that cannot train: refused in a line, before processes start and before a run has a folder."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch.callbacks import BackboneFinetuning, LearningRateFinder, WeightAveraging

from facerec.cli.machine_settings import accelerator_name, named_class
from facerec.compilation import require_compiler
from facerec.machine import Machine, device_of, this_machine

REFUSED = {
    LearningRateFinder: (
        "it looks for model.lr, and the learning rate of facerec is a setting of model.optimizer. Try some values of "
        "--model.optimizer.lr on a few epochs, and compare the runs with `facerec compare`"
    ),
    BackboneFinetuning: (
        "it adds the backbone to the optimizer later, and model.schedule needs every parameter from the start. Take it "
        "out. To freeze a part for some epochs, set model.freeze; to train parts more slowly than others, set "
        "model.layer_decay or model.lr_factors"
    ),
    WeightAveraging: (
        "it measures the average alone, begins with weights that were never trained, and averages counters. Set "
        "average.kind to ema or swa"
    ),
}

REFUSED_OPTIMIZERS = {
    "LBFGS": "it takes one group of parameters, and here norms, biases and class weights have groups of their own",
    "SparseAdam": "it needs sparse gradients",
    "Adahessian": "it needs second derivatives of the loss",
    "Lookahead": "it wraps another optimizer, which YAML cannot give it",
    "torch.optim.Muon": "it takes matrices alone. timm.optim.Muon gives all other parameters to AdamW",
}
"""Optimizers of torch and timm that would fail, by their name or path."""

WAITING = ("auto", "ddp", "ddp_spawn", "ddp_fork", "ddp_notebook")
"""Strategies in which every process waits for the gradient of every parameter."""


def check_trainable(settings: Any) -> None:
    """Refuse settings that would fail within the first step, or in the start of the processes.

    Args:
        settings: of a training, parsed and before anything is built from them.

    Raises:
        ValueError: naming the setting, its value and the way out.
    """
    data, trainer = settings.data, settings.trainer
    if data.batch_size == 1 and data.views == 1:
        raise ValueError(
            "data.batch_size=1: batch normalisation has no statistics of one image. Set it to 2 or more; to save "
            "memory, set trainer.accumulate_grad_batches too"
        )
    device = device_of(accelerator_name(trainer.accelerator), this_machine())
    check_devices(trainer.devices, device, this_machine())
    if trainer.sync_batchnorm and device == "cpu":
        raise ValueError(
            "trainer.sync_batchnorm=true works on GPUs only, and this training is on the CPU: take it out. The "
            "processes then normalise by their own batches"
        )
    if settings.model.get("freeze") is not None:
        check_shared_freeze(trainer.devices, trainer.num_nodes, trainer.strategy, device, this_machine())
    if settings.model.get("compile"):
        require_compiler()
    _check_callbacks(trainer.callbacks)
    check_optimizer(str(getattr(settings.model.optimizer, "class_path", "")))


def check_optimizer(class_path: str) -> None:
    """Refuse an optimizer of torch or timm that cannot take a step here.

    Args:
        class_path: of the optimizer.

    Raises:
        ValueError: naming it, the reason and the way out.

    Example:
        >>> check_optimizer("timm.optim.Lamb")
        >>> check_optimizer("torch.optim.LBFGS")
        Traceback (most recent call last):
        ValueError: model.optimizer=torch.optim.LBFGS: it takes one group of parameters, and here norms, biases ...
    """
    name = class_path.rpartition(".")[2]
    reason = REFUSED_OPTIMIZERS.get(class_path, REFUSED_OPTIMIZERS.get(name))
    if reason is not None and class_path.startswith(("torch.", "timm.")):
        raise ValueError(f"model.optimizer={class_path}: {reason}. Choose another, such as torch.optim.SGD or AdamW")


def check_shared_freeze(devices: Any, num_nodes: int, strategy: Any, device: str, machine: Machine) -> None:
    """Refuse to freeze a part in several processes that wait for the gradients of every parameter.

    Args:
        devices: setting of the trainer.
        num_nodes: setting of the trainer.
        strategy: setting of the trainer.
        device: kind of device that is trained on.
        machine: at hand.

    Raises:
        ValueError: naming the strategy that does not wait.

    Example:
        >>> check_shared_freeze(2, 1, "ddp_find_unused_parameters_true", "cpu", Machine(cores=2))
        >>> check_shared_freeze(2, 1, "ddp", "cpu", Machine(cores=2))
        Traceback (most recent call last):
        ValueError: model.freeze with trainer.strategy=ddp: processes would wait for the gradients of frozen ...
    """
    everything = str(devices) in ("auto", "-1")
    is_alone = str(devices) == "1" or (everything and (device == "cpu" or len(machine.gpus) < 2))
    if (num_nodes > 1 or not is_alone) and str(strategy) in WAITING:
        raise ValueError(
            f"model.freeze with trainer.strategy={strategy}: processes would wait for the gradients of frozen "
            "parameters. Set trainer.strategy to ddp_find_unused_parameters_true"
        )


def check_devices(devices: Any, device: str, machine: Machine) -> None:
    """Refuse more processes than a CPU has cores: they would start all the same, and stall the machine.

    Args:
        devices: setting of the trainer.
        device: kind of device that is trained on.
        machine: at hand.

    Raises:
        ValueError: naming both numbers.

    Example:
        >>> check_devices("auto", "cpu", Machine(cores=2))
        >>> check_devices(99, "cpu", Machine(cores=2))
        Traceback (most recent call last):
        ValueError: trainer.devices=99: this machine has 2 CPU cores, and each process needs one. Set it to 2 or less
    """
    text = str(devices)
    if device == "cpu" and text.isdecimal() and int(text) > machine.cores:
        raise ValueError(
            f"trainer.devices={text}: this machine has {machine.cores} CPU cores, and each process needs one. Set it "
            f"to {machine.cores} or less"
        )


def _check_callbacks(callbacks: Any) -> None:
    listed = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    for named in map(named_class, listed):
        for refused, reason in REFUSED.items():
            if named is not None and issubclass(named, refused):
                raise ValueError(f"trainer.callbacks: {named.__name__} cannot be used: {reason}")
