"""A configuration file outside training: its settings, and the data module and model that they describe."""

from functools import lru_cache
from typing import Any, NoReturn

from facerec import backbones as backbones  # imported so that YAML may name their classes without a module path
from facerec import losses as losses
from facerec.cli.trainable import check_trainable
from facerec.cli.trainer import FaceTrainer
from facerec.cli.training_parser import FaceArgumentParser, add_own_settings
from facerec.data import FaceDataModule
from facerec.recognizer import FaceRecognizer


class _Parser(FaceArgumentParser):
    """The parser of a training, whose errors are raised."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise what is wrong.

        Raises:
            ValueError: always.
        """
        raise ValueError(self.explanation(message)) from ex


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


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse settings that ``facerec fit`` would refuse before it makes anything of them.

    Raises:
        ValueError: naming the setting that is wrong, and the nearest one there is.
    """
    check_trainable(_whole_parser().parse_object(settings))


@lru_cache(maxsize=1)
def _whole_parser() -> _Parser:
    """The parser of every setting of a training."""
    parser = _Parser()
    parser.add_argument("--seed_everything", type=int, default=0)
    parser.add_lightning_class_args(FaceTrainer, "trainer")
    parser.add_lightning_class_args(FaceRecognizer, "model")
    parser.add_lightning_class_args(FaceDataModule, "data")
    add_own_settings(parser)
    for of_a_run in ("ckpt_path", "weights_only"):  # they are in the configuration that it keeps
        parser.add_argument(f"--{of_a_run}", default=None)
    return parser


def _instance(kind: type, name: str, settings: dict[str, Any]) -> object:
    """An object of a class from its settings, by the parser that ``facerec fit`` uses."""
    parser = _Parser()
    parser.add_class_arguments(kind, name)
    return parser.instantiate(parser.parse_object({name: settings}))[name]
