"""The checkpoint file, which may come from a stranger: reading it, and the model card in it.

Lightning writes weights, hyperparameters and the state of a training. facerec adds one key with the model card. The
card holds plain values only, and nothing that it names is imported.
"""

from __future__ import annotations

import math
import pickle
import reprlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import torch

from facerec import __version__
from facerec.align.record import Alignment
from facerec.archives import check_archive
from facerec.files import written_whole
from facerec.metrics.calibration import Calibration
from facerec.model_folders import WEIGHTS, is_model_folder, read_model_folder

CARD_KEY = "facerec"
FORMAT_VERSION = 1
RAW_WEIGHTS = "current_model_state"  # Lightning's name: of the weights as trained, where state_dict is their average
OPTIONAL = ("chosen_by", "started_from", "raw_calibration")  # entries that the first cards of this format lack
OF_LIGHTNING = ("pytorch-lightning_version",)
OF_A_TRAINING = ("epoch", "global_step", "loops", "optimizer_states", "lr_schedulers")
EXPORTED = (".onnx", ".pt2")


class Origin(TypedDict):
    """The checkpoint, or file of another library, that weights came from.

    Attributes:
        file: path, as it was when it was read.
        step: optimizer steps behind its weights; 0 if the file does not say.
        sha256: checksum of the file.

    Example:
        >>> Origin(file="best.ckpt", step=600, sha256="9f86...")["step"]
        600
    """

    file: str
    step: int
    sha256: str


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint says about its model, beside weights and hyperparameters.

    Attributes:
        identities: names of the training people; the index is the class.
        calibration: threshold of these very weights; None if no validation pairs calibrated one.
        alignment: how the training images were aligned; None if unknown.
        trained_step: optimizer steps behind the weights.
        configuration: YAML of the whole training; None for a model built in Python.
        chosen_by: logged metric that chose the best checkpoint of the run, such as ``val/eer`` or ``val/accuracy``;
            ``last`` if none did; None if unknown.
        raw_calibration: threshold of the weights as they were trained, where the checkpoint offers their average.
        started_from: checkpoint whose weights the training began with (``--init_from``); None if with new ones.
        facerec_version: version of facerec that wrote the card.
        format_version: version of the card's format.

    Example:
        >>> from facerec.checkpoints import ModelCard
        >>> checkpoint = {"state_dict": {}}
        >>> ModelCard(identities=("ada", "ben"), trained_step=600).put_into(checkpoint)
        >>> checkpoint["facerec"]["identities"]
        ['ada', 'ben']
        >>> ModelCard.from_checkpoint(checkpoint).trained_step
        600
    """

    identities: tuple[str, ...] = ()
    calibration: Calibration | None = None
    alignment: Alignment | None = None
    trained_step: int = 0
    configuration: str | None = None
    chosen_by: str | None = None
    started_from: Origin | None = None
    raw_calibration: Calibration | None = None
    facerec_version: str = __version__
    format_version: int = FORMAT_VERSION

    def put_into(self, checkpoint: dict[str, Any]) -> None:
        """Write the card into a checkpoint as plain values, with the versions of this facerec."""
        checkpoint[CARD_KEY] = {
            "format_version": FORMAT_VERSION,
            "facerec_version": __version__,
            "identities": list(self.identities),
            "calibration": None if self.calibration is None else dict(self.calibration),
            "alignment": None if self.alignment is None else self.alignment.as_dict(),
            "trained_step": self.trained_step,
            "configuration": self.configuration,
            "chosen_by": self.chosen_by,
            "started_from": None if self.started_from is None else dict(self.started_from),
            "raw_calibration": None if self.raw_calibration is None else dict(self.raw_calibration),
        }

    @classmethod
    def from_checkpoint(cls, checkpoint: Mapping[str, Any], name: str | Path = "the checkpoint") -> ModelCard:
        """Read the card of a loaded checkpoint.

        Args:
            checkpoint: content of the file.
            name: file name for messages.

        Raises:
            ValueError: if there is no card, it is damaged, or another version of facerec wrote its format.
        """
        stored = checkpoint.get(CARD_KEY)
        if "facerec_config" in checkpoint or (isinstance(stored, dict) and stored.keys() >= {"version", "identities"}):
            raise ValueError(
                f"{name} was written by an earlier version of facerec. Train anew, or use the facerec that wrote it"
            )
        if not isinstance(stored, dict):
            raise ValueError(f"{name} does not load as a checkpoint of `facerec fit`: it has no model card")
        _check_format(stored, name)
        for field, (is_right, expected) in _FIELDS.items():
            if field not in stored and field in OPTIONAL:
                continue
            if field not in stored:
                raise ValueError(f"{name} is damaged: its model card has no {field}")
            if not is_right(stored[field]):
                value = reprlib.repr(stored[field])
                raise ValueError(f"{name} is damaged: {field} of its model card is {value}, not {expected}")
        return cls(
            identities=tuple(stored["identities"]),
            calibration=stored["calibration"],
            alignment=Alignment.from_dict(stored["alignment"]),
            trained_step=stored["trained_step"],
            configuration=stored["configuration"],
            chosen_by=stored.get("chosen_by"),
            started_from=stored.get("started_from"),
            raw_calibration=stored.get("raw_calibration"),
            facerec_version=stored["facerec_version"],
            format_version=stored["format_version"],
        )


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint as :func:`load_plain` does.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not load, is damaged, holds no weights, or is an exported model.
    """
    checkpoint = load_plain(path)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise ValueError(f"{path} is not a checkpoint of `facerec fit`: it holds no state_dict")
    return checkpoint


def load_plain(path: str | Path) -> Any:
    """Read tensors and plain values onto the CPU without running code from the file. Tensors stay mapped from it.

    The file is what ``torch.save`` wrote, or the weights of a model folder (:mod:`facerec.model_folders`). Checksums
    are compared, which reads the file once. What the file names is not imported: see :mod:`facerec.trust`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not load, is damaged, or is an exported model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    if Path(path).suffix in EXPORTED:
        raise ValueError(
            f"{path} is what `facerec export` made: this command needs the checkpoint itself (an .onnx will do for "
            "verify, enroll, identify and embed)"
        )
    if Path(path).name == WEIGHTS and is_model_folder(Path(path).parent):
        weights, described = read_model_folder(Path(path).parent)
        return {"state_dict": weights, "hyper_parameters": described.get("model"), CARD_KEY: described.get("card")}
    if zipfile.is_zipfile(path):
        check_archive(path, "`facerec fit`")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises anything from RuntimeError to UnpicklingError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if not zipfile.is_zipfile(path):
            reason = "it is no checkpoint at all, or was cut off"
        elif isinstance(error, pickle.UnpicklingError):
            reason = "it holds more than tensors and plain values, which could run code"
        raise ValueError(f"{path} does not load as a checkpoint of `facerec fit`: {reason}") from error


def offer_raw_weights(checkpoint: dict[str, Any], name: str | Path = "the checkpoint") -> None:
    """Let a loaded checkpoint offer the weights as they were trained, with their threshold, in place of their average.

    Args:
        checkpoint: content of the file. Changed in place.
        name: file name for messages.

    Raises:
        ValueError: if it holds no average, or its card cannot be used.

    Example:
        >>> checkpoint = {"state_dict": {"weight": "average"}, "current_model_state": {"weight": "raw"}}
        >>> ModelCard(raw_calibration={"threshold": 0.3, "far": 0.1, "frr": 0.1}).put_into(checkpoint)
        >>> offer_raw_weights(checkpoint)
        >>> checkpoint["state_dict"], ModelCard.from_checkpoint(checkpoint).calibration["threshold"]
        ({'weight': 'raw'}, 0.3)
    """
    if not isinstance(checkpoint.get(RAW_WEIGHTS), dict):
        raise ValueError(
            f"--raw_weights: {name} holds no average beside its weights, so they are the raw ones. Leave it out"
        )
    checkpoint["state_dict"] = checkpoint.pop(RAW_WEIGHTS)
    stored = ModelCard.from_checkpoint(checkpoint, name)
    replace(stored, calibration=stored.raw_calibration, raw_calibration=None).put_into(checkpoint)


def require_training_state(checkpoint: Mapping[str, Any], path: str | Path, *, resumes: bool) -> None:
    """Refuse a checkpoint that Lightning cannot measure, or cannot go on training from.

    Args:
        checkpoint: content of the file.
        path: the file, for messages.
        resumes: whether training is to go on.

    Raises:
        ValueError: naming what is missing.
    """
    needed = (*OF_LIGHTNING, *(OF_A_TRAINING if resumes else ()))
    missing = [name for name in needed if name not in checkpoint]
    if missing:
        purpose = "go on training from it" if resumes else "measure it"
        raise ValueError(f"{path} holds no {missing[0]}, so Lightning cannot {purpose}: it has weights alone")


def read_card(path: str | Path) -> ModelCard:
    """Read the model card of a checkpoint file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a checkpoint, or its card cannot be used.
    """
    return ModelCard.from_checkpoint(load_checkpoint(path), path)


def store_calibration(path: str | Path, calibration: Calibration | None) -> None:
    """Replace the threshold in a checkpoint file. After an error the file is as it was.

    Raises:
        ValueError: if the card of the checkpoint cannot be used.
    """
    load_checkpoint(path)  # raises if it is damaged: its checksums are about to be renewed
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)  # not mapped: the file is replaced
    replace(ModelCard.from_checkpoint(checkpoint, path), calibration=calibration).put_into(checkpoint)
    with written_whole(path) as unfinished:
        torch.save(checkpoint, unfinished)


def _check_format(stored: Mapping[str, Any], name: str | Path) -> None:
    version = stored.get("format_version")
    if not isinstance(version, int) or version < 1:
        value = reprlib.repr(version)
        raise ValueError(f"{name} is damaged: format_version of its model card is {value}, not a number from 1")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{name} has a model card of format {version}, and facerec {__version__} reads formats up to "
            f"{FORMAT_VERSION}. Update facerec"
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_calibration(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not all(_is_number(value.get(name)) for name in ("threshold", "far", "frr")):
        return False
    pairs = value.get("pairs", [])
    is_list = isinstance(pairs, list) and all(map(_is_text, pairs))
    are_texts = all(_is_text(value.get(name, "")) for name in ("method", "score"))
    return is_list and are_texts and ("likelihood" not in value or _is_likelihood(value["likelihood"]))


def _is_likelihood(value: Any) -> bool:
    names = ("slope", "intercept", "lowest", "highest")
    if not isinstance(value, dict) or not all(_is_number(value.get(name)) for name in names):
        return False
    return bool(value["slope"] >= 0.0 and value["lowest"] <= 0.0 <= value["highest"])


def _is_alignment(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict):
        return False
    texts = [value.get(name) for name in ("detector", "version", "template")] + [value.get("face", "")]
    min_score = value.get("min_score")
    return all(map(_is_text, texts)) and (min_score is None or _is_number(min_score))


def _is_origin(value: Any) -> bool:
    if value is None:
        return True
    is_named = isinstance(value, dict) and _is_text(value.get("file")) and _is_text(value.get("sha256"))
    return is_named and _is_count(value.get("step"))


_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "facerec_version": (_is_text, "text"),
    "identities": (lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list of names"),
    "calibration": (_is_calibration, "a finite threshold with its FAR and FRR"),
    "raw_calibration": (_is_calibration, "a finite threshold with its FAR and FRR"),
    "alignment": (_is_alignment, "the record of an alignment"),
    "trained_step": (_is_count, "a count of steps"),
    "chosen_by": (lambda value: value is None or _is_text(value), "the name of a metric"),
    "started_from": (_is_origin, "a checkpoint with its step and checksum"),
    "configuration": (lambda value: value is None or _is_text(value), "YAML text"),
}


def choice_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The state of what chose a checkpoint: Lightning's ``ModelCheckpoint``; empty where there is none.

    Args:
        checkpoint: its content.

    Example:
        >>> choice_of({"callbacks": {"other": {}, "ours": {"best_model_path": "best-epoch=001.ckpt"}}})
        {'best_model_path': 'best-epoch=001.ckpt'}
    """
    states = (checkpoint.get("callbacks") or {}).values()
    return next((state for state in states if isinstance(state, dict) and "best_model_path" in state), {})
