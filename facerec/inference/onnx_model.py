"""A model of ``facerec export`` in onnxruntime. The metadata of its file describe it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facerec.align.record import Alignment
from facerec.inference.pixels import FaceImages, to_pixels
from facerec.metrics.calibration import Calibration
from facerec.plain_text import read_json
from facerec.transforms.preprocess import Preprocess, resize

METADATA_PREFIX = "facerec."


class OnnxModel:
    """Embeds images as the exported checkpoint does.

    Args:
        path: ``.onnx`` file of ``facerec export``.

    Attributes:
        metadata: the file's description of the model, see :func:`facerec.inference.export.metadata_of`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if onnxruntime is not installed or cannot read the file, or ``facerec export`` did not write it.
    """

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"no ONNX model {path}")
        self._session = open_session(path)
        stored = self._session.get_modelmeta().custom_metadata_map
        self.metadata: dict[str, Any] = {
            key.removeprefix(METADATA_PREFIX): read_json(value, f"{key} of {path}")
            for key, value in stored.items()
            if key.startswith(METADATA_PREFIX)
        }
        self._input = self._session.get_inputs()[0].name
        try:
            self._preprocess = Preprocess(self.image_size, self.metadata["image_mean"], self.metadata["image_std"])
            _ = self.fingerprint, self.alignment
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{path} was not written by `facerec export`: it does not say how to prepare images ({error!r})"
            ) from error

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the checkpoint."""
        return str(self.metadata["fingerprint"])

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that images are resized to."""
        height, width = self.metadata["image_size"]
        return int(height), int(width)

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of the checkpoint."""
        calibration: Calibration | None = self.metadata["calibration"]
        return calibration

    @property
    def alignment(self) -> Alignment | None:
        """Alignment of the training images; None if unknown."""
        return Alignment.from_dict(self.metadata.get("alignment"))

    def __call__(self, images: FaceImages) -> Tensor:
        """Embed images, see :meth:`facerec.inference.embedder.Embedder.forward`.

        Returns:
            float32 embeddings (N, D), not normalised.
        """
        pixels_BCHW = to_pixels(images, self.image_size)
        inside = self.metadata["preprocessing"] == "inside"
        return self.run(uint8_pixels(pixels_BCHW, self.image_size) if inside else self._preprocess(pixels_BCHW))

    def run(self, prepared_BCHW: Tensor) -> Tensor:
        """Embed images in the form that the file takes: of its size, uint8 or normalised."""
        return torch.from_numpy(self._session.run(None, {self._input: prepared_BCHW.contiguous().numpy()})[0])


def uint8_pixels(pixels_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixels as a file with preprocessing inside takes them: uint8, of one size."""
    resized = resize(pixels_BCHW, size)
    return (resized * 255.0).round_().clamp_(0, 255).to(torch.uint8) if resized.is_floating_point() else resized


def open_session(path: str | Path) -> Any:
    """An onnxruntime session on the CPU.

    Raises:
        ValueError: if onnxruntime is not installed, or cannot read the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(f'{path} needs onnxruntime ({error}): pip install "facerec[export]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors: other people's files warn of each unused number in them
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own hierarchy, outside of its public names
        raise ValueError(f"{path} is not an ONNX model that onnxruntime can run: {error}") from error
