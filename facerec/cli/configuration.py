"""A configuration file outside training: its settings, and the data module and model that they describe."""

import os
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from facerec import backbones as backbones  # imported so that YAML may name their classes without a module path
from facerec import losses as losses
from facerec.data import FaceDataModule
from facerec.plain_text import read_yaml
from facerec.recognizer import FaceRecognizer


def read_settings(config: str | Path) -> dict[str, Any]:
    """The settings of a configuration file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not YAML, or holds no settings.
    """
    try:
        settings = read_yaml(Path(config).read_text(encoding="utf-8"), config)
    except UnicodeDecodeError as error:
        raise ValueError(f"{config} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{config} holds no settings: expected data: and model: as in experiments/*.yaml")
    return settings


def check_configuration(config: str) -> None:
    """Refuse a configuration file that would take minutes to read, or is no YAML. A missing file is left to others.

    Raises:
        ValueError: naming the file.
    """
    if os.path.isfile(config):
        read_settings(config)


def data_module(settings: dict[str, Any]) -> FaceDataModule:
    """The data module that settings describe, as ``facerec fit`` would make it.

    Raises:
        ValueError: naming the setting that is wrong.
    """
    data = dict(settings.get("data") or {})
    image_size = (settings.get("model") or {}).get("image_size")
    if image_size is not None:
        data["image_size"] = image_size
    data["seed"] = int(settings.get("seed_everything") or 0)
    module = _instance(FaceDataModule, "data", data)
    assert isinstance(module, FaceDataModule)
    return module


def recognizer(settings: dict[str, Any], num_classes: int) -> FaceRecognizer:
    """The untrained model that settings describe, as ``facerec fit`` would make it for a number of people.

    Raises:
        ValueError: naming the setting that is wrong.
    """
    model = _instance(FaceRecognizer, "model", {**(settings.get("model") or {}), "num_classes": num_classes})
    assert isinstance(model, FaceRecognizer)
    return model


def _instance(kind: type, name: str, settings: dict[str, Any]) -> object:
    """An object of a class from its settings, by the parser that ``facerec fit`` uses."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, name)
    try:
        return parser.instantiate(parser.parse_object({name: settings}))[name]
    except ArgumentError as error:
        raise ValueError(str(error)) from error
