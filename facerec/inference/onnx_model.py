"""A model of ``facerec export`` in onnxruntime, with what it needs to know in the file's metadata."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facerec.align.record import Alignment
from facerec.metrics.calibration import Calibration
from facerec.transforms.preprocess import Preprocess, resize

METADATA_PREFIX = "facerec."


class OnnxModel:
    """Embeds images as the checkpoint that was exported does.

    Args:
        path: of the ``.onnx`` file.

    Attributes:
        metadata: what the file says about itself, see :func:`facerec.inference.export.metadata_of`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if onnxruntime is not installed or cannot read the file, or ``facerec export`` did not write it.
    """

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"no ONNX model {path}")
        self._session = _session(path)
        stored = self._session.get_modelmeta().custom_metadata_map
        self.metadata: dict[str, Any] = {
            key.removeprefix(METADATA_PREFIX): json.loads(value)
            for key, value in stored.items()
            if key.startswith(METADATA_PREFIX)
        }
        if "fingerprint" not in self.metadata:
            raise ValueError(f"{path} was not written by `facerec export`: it does not say how images are prepared")
        self._input = self._session.get_inputs()[0].name
        mean, std = self.metadata["image_mean"], self.metadata["image_std"]
        self._preprocess = Preprocess(self.image_size, mean, std)

    @property
    def fingerprint(self) -> str:
        """That of the checkpoint."""
        return str(self.metadata["fingerprint"])

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that images are resized to."""
        height, width = self.metadata["image_size"]
        return int(height), int(width)

    @property
    def calibration(self) -> Calibration | None:
        """That of the checkpoint."""
        calibration: Calibration | None = self.metadata["calibration"]
        return calibration

    @property
    def alignment(self) -> Alignment | None:
        """How the faces it was trained on were aligned; None where nobody noted it."""
        return Alignment.from_dict(self.metadata.get("alignment"))

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Embed uint8 RGB images (B, 3, H, W) as float32 (B, D), not normalised."""
        inside = self.metadata["preprocessing"] == "inside"
        return self.run(resize(images_BCHW, self.image_size) if inside else self._preprocess(images_BCHW))

    def run(self, prepared_BCHW: Tensor) -> Tensor:
        """Embed images that are as the file takes them: of its size, uint8 or normalised."""
        return torch.from_numpy(self._session.run(None, {self._input: prepared_BCHW.contiguous().numpy()})[0])


def _session(path: str | Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(f'{path} needs onnxruntime ({error}): pip install "facerec[export]"') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own hierarchy, outside of its public names
        raise ValueError(f"{path} is not an ONNX model that onnxruntime can run: {error}") from error
