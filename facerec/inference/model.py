"""A model in use, from a checkpoint or an exported file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

from facerec.align.record import Alignment
from facerec.inference.embedder import Embedder, Precision
from facerec.inference.pixels import FaceImages
from facerec.metrics.calibration import Calibration

ONNX_SUFFIX = ".onnx"
ROUNDING = 1e-4  # by which a threshold above the highest score may leave [-1, 1]


class FaceModel(Protocol):
    """Turns faces into embeddings, and knows the threshold of their scores."""

    @property
    def fingerprint(self) -> str:
        """Hash that tells models apart; the same for a checkpoint and its exported file."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that images are resized to."""

    @property
    def calibration(self) -> Calibration | None:
        """Threshold, its expected FAR and FRR; None if no validation pairs calibrated one."""

    @property
    def alignment(self) -> Alignment | None:
        """Alignment of the training images; None if unknown."""

    def __call__(self, images: FaceImages) -> Tensor:
        """Embed uint8 RGB images (N, 3, H, W), or other forms of images, as float32 (N, D), not normalised."""


def load_model(
    path: str | Path,
    device: str = "cpu",
    precision: Precision = "float32",
    trust: Sequence[str] = (),
    *,
    raw_weights: bool = False,
) -> FaceModel:
    """Load a checkpoint of ``facerec fit``, or by its suffix an ONNX model of ``facerec export``.

    Args:
        path: ``.ckpt`` or ``.onnx`` file, or the folder of a run or experiment.
        device: device of a checkpoint's network.
        precision: precision of a checkpoint's network.
        trust: modules whose classes a checkpoint may name, beside those of facerec and its libraries.
        raw_weights: whether to take a checkpoint's weights as they were trained, where it offers their average.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if facerec did not write the file, it names a class that is not trusted, or for an ONNX model with
            another precision or device, or with raw weights.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from facerec.backbones import ResNet
        >>> from facerec.checkpoints import ModelCard
        >>> from facerec.inference import load_model
        >>> from facerec.losses import Triplet
        >>> from facerec.recognizer import FaceRecognizer
        >>> sizes = {"depth": 18, "embedding_dim": 8, "width": 8}
        >>> recognizer = FaceRecognizer(ResNet(**sizes), Triplet(), torch.optim.SGD, image_size=(32, 32))
        >>> settings = {
        ...     "backbone": {"class_path": "facerec.backbones.ResNet", "init_args": sizes},
        ...     "loss": {"class_path": "facerec.losses.Triplet"},
        ...     "image_size": [32, 32],
        ... }
        >>> checkpoint = {"state_dict": recognizer.state_dict(), "hyper_parameters": settings}  # as of `facerec fit`
        >>> ModelCard(identities=("ada", "ben")).put_into(checkpoint)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save(checkpoint, f"{folder}/best.ckpt")
        ...     model = load_model(f"{folder}/best.ckpt")
        >>> model(torch.zeros(2, 3, 50, 40, dtype=torch.uint8)).shape
        torch.Size([2, 8])
    """
    if Path(path).suffix.lower() != ONNX_SUFFIX:
        return Embedder.from_checkpoint(path, device, precision, trust, raw_weights=raw_weights)
    if precision != "float32" or device != "cpu":
        raise ValueError(f"{path}: an ONNX model runs in float32 on the CPU; leave out --precision and --device")
    if raw_weights:
        raise ValueError(f"{path}: an ONNX model holds one set of weights; give --raw_weights to `facerec export`")
    from facerec.inference.onnx_model import OnnxModel

    return OnnxModel(path)


def decision_threshold(model: FaceModel, given: float | None) -> float:
    """The threshold that decides: the given one, else the calibrated one.

    Raises:
        ValueError: if either is not a cosine, there is neither, or the calibrated one belongs to another score.
    """
    if given is not None:
        if not -1.0 <= given <= 1.0:
            raise ValueError(f"--threshold {given}: give a cosine in [-1, 1]")
        return given
    if model.calibration is None:
        raise ValueError(
            "the model has no calibrated threshold: no validation pairs gave these weights one. Give "
            "--threshold, a cosine in [-1, 1]. Or store one, from pairs of people it was not trained on: facerec "
            "validate --ckpt_path CKPT --data.root DIR --verification.store true, where DIR holds val_pairs.txt"
        )
    score = model.calibration.get("score", "cosine")
    if score != "cosine":
        raise ValueError(
            f"the model's threshold belongs to the score {score!r}, and here the cosine decides. Give --threshold, "
            "a cosine in [-1, 1]"
        )
    threshold = model.calibration["threshold"]
    if not -1.0 - ROUNDING <= threshold <= 1.0 + ROUNDING:  # NaN fails too
        raise ValueError(
            f"the model's threshold {threshold} is no cosine, so its file is damaged. Give --threshold, a cosine in "
            "[-1, 1], or export the model again"
        )
    return threshold


def cosine_threshold(model: FaceModel) -> float | None:
    """The calibrated threshold, if the model has one of cosines."""
    calibration = model.calibration or {}
    return calibration.get("threshold") if calibration.get("score", "cosine") == "cosine" else None
