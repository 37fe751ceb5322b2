"""A trained model from its checkpoint alone. The file is read once, and class weights stay in it until used."""

import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import instantiate_module
from torch import Tensor

from facerec.checkpoints import ModelCard, load_checkpoint
from facerec.recognizer import FaceRecognizer
from facerec.run_folders import find_checkpoint

OF_THE_TRAINING = {"num_classes": None, "optimizer": "torch.optim.SGD"}  # settings that no use of the model needs


def load_recognizer(path: str | Path, device: str | torch.device = "cpu") -> FaceRecognizer:
    """Build the model that a checkpoint describes, and give it the trained weights.

    The backbone is on the device. The loss stays on the CPU, and its parameters are mapped from the file: the class
    weights of a hundred thousand people cost neither time nor memory before somebody computes with them.

    Args:
        path: checkpoint of ``facerec fit``, or a folder with it, see :func:`facerec.run_folders.find_checkpoint`.
        device: device of the backbone.

    Raises:
        FileNotFoundError: if there is no such file, or no checkpoint in the folder.
        ValueError: if it is not a checkpoint, or was built in Python and does not describe its backbone.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    settings = checkpoint.get("hyper_parameters") or {}
    if "backbone" not in settings:
        raise ValueError(
            f"{path} holds no description of its backbone (it was built in Python): load it with "
            "FaceRecognizer.load_from_checkpoint(path, backbone=..., loss=..., optimizer=...) and pass that"
        )
    card = ModelCard.from_checkpoint(checkpoint, path)
    try:
        recognizer = _build(settings).to(device)
        _fill(recognizer, checkpoint["state_dict"], settings.get("num_classes"))
    except Exception as error:  # building a network from settings of another program raises anything
        raise ValueError(
            f"{path} does not load as a checkpoint of `facerec fit` ({type(error).__name__}: {error})"
        ) from error
    recognizer.card = card
    return recognizer


def _build(settings: dict[str, Any]) -> FaceRecognizer:
    """The recognizer without class weights."""
    described = {name: value for name, value in settings.items() if name != "_instantiator"}
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
