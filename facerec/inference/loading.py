"""A trained model from its checkpoint alone. Class weights stay in the file until used.

The file may come from a stranger. So its names of classes are looked at before anything is imported
(:mod:`facerec.trust`), and its shapes before anything of their size is built.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import instantiate_module
from torch import Tensor

from facerec.backbones.base import weights_come_later
from facerec.checkpoints import ModelCard, load_checkpoint, offer_raw_weights
from facerec.recognizer import FaceRecognizer
from facerec.run_folders import find_checkpoint
from facerec.trust import require_trusted

OF_THE_TRAINING = {"num_classes": None, "optimizer": "torch.optim.SGD"}  # settings that no use of the model needs
LARGEST_SIDE = 2048  # of the images that a network takes, in pixels
SHARED = 4  # how often the weights of a network may stand for several layers


def load_recognizer(
    path: str | Path, device: str | torch.device = "cpu", trust: Sequence[str] = (), *, raw_weights: bool = False
) -> FaceRecognizer:
    """Build the model that a checkpoint describes, and give it the trained weights.

    The backbone is on the device. The loss stays on the CPU, and its parameters are mapped from the file: the class
    weights of a hundred thousand people cost neither time nor memory before somebody computes with them.

    Args:
        path: checkpoint of ``facerec fit``, or a folder with it, see :func:`facerec.run_folders.find_checkpoint`.
        device: device of the backbone.
        trust: modules whose classes the checkpoint may name, beside those of facerec and its libraries.
        raw_weights: whether to take the weights as they were trained, where the checkpoint offers their average.

    Raises:
        FileNotFoundError: if there is no such file, or no checkpoint in the folder.
        ValueError: if it is not a checkpoint, names a class that is not trusted, does not hold the weights of the model
            that it describes, was built in Python and does not describe its backbone, or holds no raw weights to take.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    if raw_weights:
        offer_raw_weights(checkpoint, path)
    check_description(checkpoint, path, trust)
    settings = checkpoint.get("hyper_parameters") or {}
    if "backbone" not in settings:
        raise ValueError(
            f"{path} holds no description of its backbone (it was built in Python): load it with "
            "FaceRecognizer.load_from_checkpoint(path, backbone=..., loss=..., optimizer=...) and pass that"
        )
    card = ModelCard.from_checkpoint(checkpoint, path)
    with _named(path):
        recognizer = build(settings).to(device)
        _fill(recognizer, checkpoint["state_dict"], settings.get("num_classes"))
    recognizer.card = card
    return recognizer


def check_description(
    checkpoint: Mapping[str, Any], path: str | Path, trust: Sequence[str] = (), *, to_train: bool = False
) -> None:
    """Refuse a checkpoint whose description of the model is not to be built.

    Args:
        checkpoint: content of the file.
        path: the file, for messages.
        trust: modules whose classes it may name.
        to_train: whether its optimizer is built as well.

    Raises:
        ValueError: if it names a class that is not trusted, or describes a model of other shapes than its weights.
    """
    settings, state = checkpoint.get("hyper_parameters") or {}, checkpoint["state_dict"]
    if not isinstance(settings, dict) or "_class_path" in settings:
        raise ValueError(f"{path} is not a checkpoint of `facerec fit`: it describes another kind of model")
    used = {name: value for name, value in settings.items() if to_train or name not in OF_THE_TRAINING}
    require_trusted(FaceRecognizer, used, path, trust)
    if "backbone" in settings:  # else it was built in Python
        with _named(path):
            _require_own_memory(state, Path(path).stat().st_size)
            _require_fit(settings, state)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Name the file in an error: building a network from settings of another program raises anything."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{path} does not load as a checkpoint of `facerec fit` ({type(error).__name__}: {error})"
        ) from error


def _require_own_memory(state: Mapping[str, Tensor], file_bytes: int) -> None:
    """Refuse tensors that are larger than what the file holds of them, such as one number for a million."""
    sizes = {name: tensor.numel() * tensor.element_size() for name, tensor in state.items()}
    for name, tensor in state.items():
        if tensor.device.type != "cpu" or sizes[name] > tensor.untyped_storage().nbytes():
            raise ValueError(f"{name} of {tuple(tensor.shape)} is larger than its numbers in the file")
    if sum(sizes.values()) > SHARED * file_bytes:
        raise ValueError("its weights are larger than the file")


def _require_fit(settings: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Refuse a description that does not fit the weights, before a network is built that may fill the memory."""
    if max(settings.get("image_size") or (0,)) > LARGEST_SIDE:
        raise ValueError(f"image_size {settings['image_size']}: networks take up to {LARGEST_SIDE} pixels")
    try:
        with torch.device("meta"):  # shapes without memory
            described = build(settings)
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error).lower():
            raise
        return  # of someone else's network, which computes while it is built
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on training
        if settings.get("num_classes") is not None:
            described.loss.build(described.backbone.embedding_dim, settings["num_classes"])
    _compare({name: tensor.shape for name, tensor in described.state_dict().items()}, state)


def _compare(described: Mapping[str, torch.Size], state: Mapping[str, Tensor]) -> None:
    """Refuse weights of other names or shapes than described, naming the first."""
    missing, unknown = (sorted(some.keys() - other.keys()) for some, other in ((described, state), (state, described)))
    if missing or unknown:
        reason = f"has no weights {missing[0]}" if missing else f"has weights {unknown[0]} beside those of its model"
        raise ValueError(f"it {reason}, and {max(len(missing), len(unknown)) - 1} others")
    for name, shape in described.items():
        if state[name].shape != shape:
            raise ValueError(
                f"its weights {name} have shape {tuple(state[name].shape)}, and its settings {tuple(shape)}"
            )


def build(settings: Mapping[str, Any]) -> FaceRecognizer:
    """The recognizer that settings describe, without class weights; those of the network come later."""
    described = {name: value for name, value in settings.items() if name != "_instantiator"}
    with weights_come_later():
        recognizer: FaceRecognizer = instantiate_module(FaceRecognizer, described | OF_THE_TRAINING)
    return recognizer


def _fill(recognizer: FaceRecognizer, state: dict[str, Tensor], num_classes: int | None) -> None:
    """Copy the weights of the backbone, and leave those of the loss where they are."""
    if num_classes is not None:
        recognizer.num_classes = num_classes
        with torch.device("meta"), warnings.catch_warnings():  # shapes without memory
            warnings.simplefilter("ignore")  # advice on training
            recognizer.loss.build(recognizer.backbone.embedding_dim, num_classes)
    parts: dict[str, dict[str, Tensor]] = {"backbone": {}, "loss": {}}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    recognizer.backbone.load_state_dict(parts["backbone"])
    recognizer.loss.load_state_dict(parts["loss"], assign=True)
