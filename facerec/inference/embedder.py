"""A trained network in use: uint8 images in, embeddings out, from a checkpoint alone."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from facerec.recognizer import FaceRecognizer


class Embedder(nn.Module):
    """Embeds images of any size with the preprocessing the network was trained with.

    Args:
        recognizer: the trained model; it is put in evaluation mode.

    Attributes:
        threshold: cosine score from which two images are taken for one person, calibrated on the validation pairs; None
            for a model that was never validated.
    """

    def __init__(self, recognizer: FaceRecognizer) -> None:
        super().__init__()
        self.recognizer = recognizer.eval()
        calibration = recognizer.calibration
        self.threshold = calibration["threshold"] if calibration else None

    @classmethod
    def from_checkpoint(cls, path: str | Path, device: str | torch.device = "cpu") -> Embedder:
        """Load a checkpoint of ``facerec fit``, without configuration file and without unpickling code.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the checkpoint was built in Python and does not say what its backbone is.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"no checkpoint {path}")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if "backbone" not in checkpoint.get("hyper_parameters", {}):
            raise ValueError(
                f"{path} holds no description of its backbone (it was built in Python): load it with "
                "FaceRecognizer.load_from_checkpoint(path, backbone=..., loss=..., optimizer=...) and pass that"
            )
        return cls(FaceRecognizer.load_from_checkpoint(path, map_location=device, weights_only=True))

    @torch.inference_mode()
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images.

        Args:
            images_BCHW: uint8 (B, 3, H, W), RGB, on any device.

        Returns:
            float32 embeddings (B, D), not normalised, on the device of the model.
        """
        return self.recognizer.embed(images_BCHW.to(self.recognizer.device))
