"""A trained model to give away, and one that was given: a model folder, here or on the Hugging Face Hub."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from facerec.backbones import TimmBackbone
from facerec.checkpoints import CARD_KEY, ModelCard, Origin, load_checkpoint, offer_raw_weights
from facerec.inference.loading import build, check_description
from facerec.model_folders import DESCRIPTION, README, WEIGHTS, is_model_folder, write_model_folder
from facerec.run_folders import find_checkpoint

OF_A_TRAINING = ("num_classes", "optimizer", "schedule", "freeze", "_instantiator")
NO_LICENCE = "other"
TEXT = """\
---
license: {licence}
library_name: facerec
tags:
- face-recognition
- face-verification
---

# {title}

{network} for images of {height}x{width}, trained for {steps:,} steps on {people:,} people with facerec {version}.
It turns an aligned face into an embedding. The cosine of two embeddings is high if they show one person.

```python
from facerec.inference import Embedder, from_pretrained

embedder = Embedder.from_checkpoint(from_pretrained("{title}"))
```

## Threshold

{threshold}

## Alignment

{alignment}

## Limits

- The error rates are those of the validation pairs alone. On other people, cameras or ages they may be higher. Measure
  on your own pairs: `facerec test --help`.
- Error rates may differ between groups of people, such as by age, sex or skin colour. They were not measured apart.
- The folder holds no class weights and no names of the training people.
"""


def save_pretrained(
    checkpoint: str | Path,
    folder: str | Path,
    licence: str = NO_LICENCE,
    trust: Sequence[str] = (),
    *,
    raw_weights: bool = False,
) -> Path:
    """Write a model folder from a checkpoint: ``model.safetensors``, ``config.json`` and a ``README.md`` to complete.

    It holds the backbone, the processing of images, the threshold and the alignment. Class weights, names of people,
    paths and the state of the training stay out. Every command takes the folder as ``--ckpt_path``, and ``fit`` as
    ``--init_from``. ``hf upload NAME FOLDER`` of the Hugging Face Hub uploads it.

    Args:
        checkpoint: file of ``facerec fit``, or folder of a run or experiment, which means its best checkpoint.
        folder: made if it is not there.
        licence: of the weights, by its name on the Hub (``mit``, ``cc-by-nc-4.0``, ...).
        trust: modules whose classes the checkpoint may name, beside those of facerec and its libraries.
        raw_weights: whether to take the weights as they were trained, where the checkpoint offers their average.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is not a checkpoint that can be used, or the folder holds other things than a model folder.

    Example:
        Of a checkpoint as ``facerec fit`` writes it:

        >>> import tempfile
        >>> from facerec.backbones import ResNet
        >>> from facerec.losses import Triplet
        >>> from facerec.recognizer import FaceRecognizer
        >>> sizes = {"depth": 18, "embedding_dim": 8, "width": 8}
        >>> recognizer = FaceRecognizer(ResNet(**sizes), Triplet(), torch.optim.SGD, image_size=(32, 32))
        >>> settings = {
        ...     "backbone": {"class_path": "facerec.backbones.ResNet", "init_args": sizes},
        ...     "loss": {"class_path": "facerec.losses.Triplet"},
        ...     "image_size": [32, 32],
        ... }
        >>> content = {"state_dict": recognizer.state_dict(), "hyper_parameters": settings}
        >>> ModelCard(identities=("ada", "ben")).put_into(content)
        >>> with tempfile.TemporaryDirectory() as place:
        ...     torch.save(content, f"{place}/best.ckpt")
        ...     shared = save_pretrained(f"{place}/best.ckpt", f"{place}/mine", "mit")
        ...     sorted(file.name for file in shared.iterdir())
        ['README.md', 'config.json', 'model.safetensors']
    """
    path, folder = find_checkpoint(checkpoint), Path(folder)
    _require_free(folder)
    content = load_checkpoint(path)
    if raw_weights:
        offer_raw_weights(content, path)
    check_description(content, path, trust)
    card = ModelCard.from_checkpoint(content, path)
    settings = _shared_settings(content.get("hyper_parameters") or {}, path)
    with torch.device("meta"):
        needed = build(settings).state_dict()
    shared: dict[str, Any] = {}
    _anonymous(card).put_into(shared)
    write_model_folder(
        folder,
        {name: content["state_dict"][name] for name in needed},
        {"model": settings, "card": shared[CARD_KEY]},
        _readme(folder.resolve().name, settings, card, licence),
    )
    return folder


def from_pretrained(name: str | Path, revision: str | None = None) -> Path:
    """The model folder of that name: a folder here, else one that is downloaded from the Hugging Face Hub.

    Args:
        name: path of a folder, or ``owner/name`` on the Hub.
        revision: branch, tag or commit on the Hub.

    Returns:
        The folder. :meth:`Embedder.from_checkpoint` and ``--ckpt_path`` take it.

    Raises:
        FileNotFoundError: if it is neither here nor there.
        ValueError: if facerec did not write it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as other:
        ...     from_pretrained(other)
        Traceback (most recent call last):
        ValueError: ... is no model folder of facerec: its config.json does not say so
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _download(str(name), revision)
    if not is_model_folder(folder):
        raise ValueError(f"{name} is no model folder of facerec: its {DESCRIPTION} does not say so")
    return folder


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=[WEIGHTS, DESCRIPTION, README]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise FileNotFoundError(f"no model folder {name} here, nor on the Hugging Face Hub: {reason}") from error


def _require_free(folder: Path) -> None:
    """Refuse a folder of other things: README.md and config.json are common names."""
    if folder.is_dir() and any(folder.iterdir()) and not is_model_folder(folder):
        raise ValueError(f"{folder} holds other files. Name a new folder for the model")


def _shared_settings(settings: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The description of the model, without its training and the file that a timm network began with."""
    if "backbone" not in settings:
        raise ValueError(f"{path} holds no description of its backbone (it was built in Python): it cannot be shared")
    backbone = settings["backbone"]
    if str(backbone["class_path"]).rpartition(".")[2] == TimmBackbone.__name__:
        backbone = {**backbone, "init_args": {**(backbone.get("init_args") or {}), "checkpoint": None}}
    shared = {name: value for name, value in settings.items() if name not in OF_A_TRAINING}
    return {**shared, "backbone": backbone}


def _anonymous(card: ModelCard) -> ModelCard:
    """The card without people's names, and without paths of this machine."""
    origin = card.started_from
    started_from = None if origin is None else Origin(**{**origin, "file": Path(origin["file"]).name})
    return replace(card, identities=(), configuration=None, raw_calibration=None, started_from=started_from)


def _readme(title: str, settings: Mapping[str, Any], card: ModelCard, licence: str) -> str:
    """The text for people."""
    backbone, (height, width) = settings["backbone"], settings["image_size"]
    found = card.calibration
    threshold = "None was calibrated: there were no validation pairs."
    if found is not None:
        threshold = (
            f"{found.get('score', 'cosine')} {found['threshold']:.4f}: FMR {found['far']:.2%} and FNMR "
            f"{found['frr']:.2%} on the validation pairs that chose it."
        )
    alignment = "It is not known how the training images were aligned."
    if card.alignment is not None:
        alignment = f"Detector {card.alignment.detector}, template {card.alignment.template}."
    return TEXT.format(
        licence=licence,
        title=title,
        network=_network(backbone),
        height=height,
        width=width,
        steps=card.trained_step,
        people=len(card.identities),
        version=card.facerec_version,
        threshold=threshold,
        alignment=alignment,
    )


def _network(backbone: Mapping[str, Any]) -> str:
    """Class and size of a network, such as ``ResNet-18``."""
    depth = (backbone.get("init_args") or {}).get("depth")
    name = str(backbone["class_path"]).rpartition(".")[2]
    return f"{name}-{depth}" if depth else name
