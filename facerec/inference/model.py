"""A model in use, whatever file it came from."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from facerec.align.record import Alignment
from facerec.inference.embedder import Embedder, Precision
from facerec.metrics.calibration import Calibration

ONNX_SUFFIX = ".onnx"


class FaceModel(Protocol):
    """What turns faces into embeddings, and knows from which score on two are taken for one person."""

    @property
    def fingerprint(self) -> str:
        """Tells models apart; the same for a checkpoint and what was exported from it."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that images are resized to."""

    @property
    def calibration(self) -> Calibration | None:
        """Threshold of the cosine score, and the FAR and FRR expected there; None if it was never validated."""

    @property
    def alignment(self) -> Alignment | None:
        """How the faces it was trained on were aligned; None where nobody noted it."""

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Embed uint8 RGB images (B, 3, H, W) as float32 (B, D), not normalised."""


def load_model(path: str | Path, device: str = "cpu", precision: Precision = "float32") -> FaceModel:
    """A checkpoint of ``facerec fit``, or an ONNX model of ``facerec export``, told by the suffix.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no model of ours; or for an ONNX model in another precision or on another device, which
            its runtime chooses.
    """
    if Path(path).suffix.lower() != ONNX_SUFFIX:
        return Embedder.from_checkpoint(path, device, precision)
    if precision != "float32" or device != "cpu":
        raise ValueError(f"{path}: an ONNX model runs in float32 on the CPU; leave out --precision and --device")
    from facerec.inference.onnx_model import OnnxModel

    return OnnxModel(path)


def decision_threshold(model: FaceModel, given: float | None) -> float:
    """The threshold that decides: the one given, else the calibrated one.

    Raises:
        ValueError: if the one given is no cosine, if there is neither, or the calibrated one is of another score than
            the cosine.
    """
    if given is not None:
        if not -1.0 <= given <= 1.0:
            raise ValueError(f"--threshold {given}: give a cosine in [-1, 1]")
        return given
    if model.calibration is None:
        raise ValueError(
            "these weights were never validated, so they have no calibrated threshold: give --threshold, a cosine in "
            "[-1, 1], or put one into the checkpoint with facerec validate --ckpt_path CKPT --verification.store true"
        )
    score = model.calibration.get("score", "cosine")
    if score != "cosine":
        raise ValueError(
            f"the model's threshold is one of the score {score!r}, and here the cosine decides: give --threshold, "
            "a cosine in [-1, 1]"
        )
    return model.calibration["threshold"]
