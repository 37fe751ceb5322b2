"""``fit --init_from``: a new training that begins with the weights of another, as far as they fit.

The other is a run of facerec, or insightface or timm with a network that is one of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from facerec.backbones.foreign_names import translate
from facerec.checkpoints import ModelCard, Origin, load_checkpoint, offer_raw_weights
from facerec.cli.arguments import given
from facerec.cli.foreign_weights import read_foreign
from facerec.files import checksum
from facerec.inference.loading import check_description
from facerec.recognizer import FaceRecognizer
from facerec.transforms.preprocess import channels

BACKBONE, LOSS = "backbone", "loss"
OTHER_PEOPLE = "other people"
OTHER_SHAPE = "of another shape"
NOT_THERE = "not in the checkpoint"
COUNTER = "counters start at 0"
UNKNOWN = "not in this model"
MOST_NAMES = 3


def check_init_from(command: str, options: Sequence[str]) -> None:
    """Refuse ``--init_from`` where it means nothing.

    In a configuration file it may stand beside ``--ckpt_path``: a training that goes on does not read it.

    Args:
        command: ``fit``, ``validate`` or ``test``.
        options: on the command line.

    Raises:
        ValueError: if the command is not ``fit``, or a training is to go on.

    Example:
        >>> check_init_from("fit", ["--init_from", "runs/a", "--ckpt_path", "runs/b"])
        Traceback (most recent call last):
        ValueError: --init_from and --ckpt_path are both given. --ckpt_path goes on with a training, and --init_from ...
    """
    if not given(options, "init_from"):
        return
    if command != "fit":
        raise ValueError(f"--init_from is where a new training starts from: give --ckpt_path to {command}")
    if given(options, "ckpt_path"):
        raise ValueError(
            "--init_from and --ckpt_path are both given. --ckpt_path goes on with a training, and --init_from starts "
            "a new one from its weights: give one of them"
        )


def check_raw_weights(settings: Any) -> None:
    """Refuse ``raw_weights`` in a training that starts from no checkpoint: one that goes on takes them by itself.

    Args:
        settings: of a training.

    Raises:
        ValueError: if there is no ``init_from``.
    """
    if settings.raw_weights and not settings.init_from:
        raise ValueError(
            "--raw_weights says what --init_from takes, and there is none. Leave it out: a training that goes on takes "
            "the raw weights"
        )


@dataclass
class Taken:
    """What a model took of the weights of another.

    Attributes:
        names: of what was taken.
        counts: taken and present entries of each part, ``backbone`` and ``loss``.
        left: names of what was not taken, by the reason.
    """

    names: list[str] = field(default_factory=list)
    counts: dict[str, list[int]] = field(default_factory=lambda: {BACKBONE: [0, 0], LOSS: [0, 0]})
    left: dict[str, list[str]] = field(default_factory=dict)

    def note(self, name: str, reason: str | None) -> None:
        """Count an entry of the model; without a reason it was taken."""
        count = self.counts[name.partition(".")[0]]
        count[0] += reason is None
        count[1] += 1
        (self.names if reason is None else self.left.setdefault(reason, [])).append(name)

    def lines(self) -> list[str]:
        """The counts, and a line for each reason not to take some."""
        counts = ", ".join(f"{taken} of {present} of the {part}" for part, (taken, present) in self.counts.items())
        return [f"taken: {counts}", *(f"not taken, {reason}: {_some(names)}" for reason, names in self.left.items())]


class Source(NamedTuple):
    """Weights to start from.

    Attributes:
        weights: by the names of a :class:`FaceRecognizer`.
        description: what they are, for the first line.
        way_out: what to do if none fits.
        pixels: settings ``image_mean`` and ``image_std`` that they were trained with.
        same_people: whether the classes are those of the weights, or no class weights are there.
        unknown: names of other weights in the file.
        step: optimizer steps behind them; 0 if the file does not say.
    """

    weights: Mapping[str, Tensor]
    description: str
    way_out: str
    pixels: Mapping[str, Any]
    same_people: bool = True
    unknown: Sequence[str] = ()
    step: int = 0


def start_from(
    recognizer: FaceRecognizer,
    path: str | Path,
    identities: Sequence[str],
    trust: Sequence[str] = (),
    *,
    raw_weights: bool = False,
) -> Taken:
    """Give a new model the weights of a file whose names and shapes fit, and note that on its card.

    The loss's weights stand for people. They are taken only if the people are the same.

    Args:
        recognizer: new model, with its loss built. Changed in place.
        path: checkpoint file of ``facerec fit``, or file of weights of insightface or timm.
        identities: names of the people to train on; the index is the class.
        trust: modules whose classes the checkpoint may name.
        raw_weights: whether to take the weights as they were trained, where the checkpoint offers their average.

    Returns:
        What was taken.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no file to be used, or nothing of it fits the backbone.
    """
    foreign = read_foreign(path)
    if foreign is not None and raw_weights:
        raise ValueError(f"--raw_weights: {path} holds one set of weights. Leave it out")
    if foreign is None:
        source = _of_run(path, identities, trust, raw_weights=raw_weights)
    else:
        source = _of_library(recognizer, foreign, path)
    taken = take_weights(recognizer, source.weights, same_people=source.same_people)
    if source.unknown:
        taken.left[UNKNOWN] = list(source.unknown)
    if not any(name.startswith(BACKBONE) and source.weights[name].ndim > 1 for name in taken.names):
        # gains alone fit by chance
        raise ValueError(f"--init_from {path}: none of its weights fits this model.backbone. {source.way_out}")
    _warn_of_other_pixels(recognizer, source.pixels, path)
    origin = Origin(file=str(path), step=source.step, sha256=checksum(path))
    recognizer.card = replace(recognizer.card, started_from=origin)
    rank_zero_info("\n  ".join([f"--init_from {path}, {source.description}", *taken.lines()]))
    return taken


def _of_run(path: str | Path, identities: Sequence[str], trust: Sequence[str], *, raw_weights: bool) -> Source:
    """The weights of a checkpoint of ``facerec fit``."""
    checkpoint = load_checkpoint(path)
    if raw_weights:
        offer_raw_weights(checkpoint, path)
    check_description(checkpoint, path, trust)
    card = ModelCard.from_checkpoint(checkpoint, path)
    return Source(
        checkpoint["state_dict"],
        description=f"step {card.trained_step}",
        way_out="Give the backbone of that training: its settings are in the config.yaml of the run",
        pixels=checkpoint.get("hyper_parameters") or {},
        same_people=list(card.identities) == list(identities),
        step=card.trained_step,
    )


def _of_library(recognizer: FaceRecognizer, foreign: Mapping[str, Tensor], path: str | Path) -> Source:
    """The weights of another library, for the same architecture."""
    try:
        translated = translate(recognizer.backbone, foreign)
    except ValueError as error:
        raise ValueError(f"--init_from {path}: {error}") from error
    names = translated.names
    return Source(
        {f"{BACKBONE}.{name}": weight for name, weight in translated.weights.items()},
        description=f"weights of {names.library}",
        way_out="Give a backbone of the width and stem of that network",
        pixels={"image_mean": names.image_mean, "image_std": names.image_std},
        unknown=translated.left_out,
    )


@torch.no_grad()
def take_weights(recognizer: FaceRecognizer, state: Mapping[str, Tensor], *, same_people: bool) -> Taken:
    r"""Copy what fits by name and shape into a model.

    Args:
        recognizer: the model. Changed in place.
        state: weights by name.
        same_people: whether its classes are the people of these weights.

    Example:
        >>> from facerec.backbones import ResNet
        >>> from facerec.losses import ArcFace
        >>> def model(people):
        ...     parts = ResNet(18, embedding_dim=8, width=8), ArcFace(scale=16.0)
        ...     return FaceRecognizer(*parts, torch.optim.SGD, num_classes=people, image_size=(32, 32))
        >>> print("\n".join(take_weights(model(4), model(6).state_dict(), same_people=False).lines()))
        taken: 132 of 132 of the backbone, 0 of 2 of the loss
        not taken, other people: loss.weight, loss.steps
    """
    taken = Taken()
    own = recognizer.state_dict()
    for name, entry in own.items():
        reason = _why_not(name, entry, state, same_people)
        if reason is None:
            entry.copy_(state[name])
        taken.note(name, reason)
    if unknown := [name for name in state if name not in own]:
        taken.left[UNKNOWN] = unknown
    return taken


def _why_not(name: str, entry: Tensor, state: Mapping[str, Tensor], same_people: bool) -> str | None:
    """Why an entry of the model keeps its own value; None if it is taken."""
    of_loss = name.startswith(f"{LOSS}.")
    if of_loss and not same_people:
        return OTHER_PEOPLE
    if of_loss and not entry.is_floating_point():
        return COUNTER  # such as that of a margin's warm-up
    there = state.get(name)
    if not isinstance(there, Tensor):
        return NOT_THERE
    return None if there.shape == entry.shape else OTHER_SHAPE


def _warn_of_other_pixels(recognizer: FaceRecognizer, settings: Mapping[str, Any], path: str | Path) -> None:
    """Warn if the weights were trained on pixels of another scale."""
    preprocess = recognizer.preprocess
    for name, now in (("image_mean", preprocess.mean), ("image_std", preprocess.std)):
        before = settings.get(name)
        if before is not None and channels(before, name) != channels(now, name):
            rank_zero_warn(f"--init_from {path} was trained with model.{name}={before}, and this training has {now}")


def _some(names: Sequence[str]) -> str:
    """The first names of several as text."""
    others = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {others} others" if others > 0 else "")
