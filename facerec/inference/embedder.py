"""A trained network in use: uint8 images in, embeddings out, from a checkpoint alone."""

from __future__ import annotations

import copy
import hashlib
import warnings
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from facerec.align.record import Alignment
from facerec.backbones import Backbone
from facerec.backbones.cost import count_parameters
from facerec.backbones.folding import fold_for_use
from facerec.checkpoints import load_checkpoint
from facerec.recognizer import FaceRecognizer

Precision = Literal["float32", "bfloat16"]


class Embedder(nn.Module):
    """Embeds images of any size with the preprocessing the network was trained with.

    The backbone is a copy made for use: in evaluation mode, batch normalisation folded, channels innermost.

    Args:
        recognizer: the trained model; it is put in evaluation mode.
        precision: of the backbone's weights and maps. ``bfloat16`` is several times as fast where the processor has the
            instructions, and changes cosine scores in the third digit.

    Attributes:
        recognizer: the model with that backbone.
        description: of the network as trained: ``parameter_count``, with the loss's own, and ``model_architecture``.
        fingerprint: tells models apart: of the trained weights and of what is done with images before and after.
        image_size: (height, width) that images are resized to.
        alignment: how the faces it was trained on were aligned; None where nobody noted it.
        calibration: threshold, with the FAR and FRR expected there and the score that it is of; None for a model that
            was never validated.
        threshold: cosine score from which two images are taken for one person, calibrated on the validation pairs; None
            for a model that was never validated, or by another score.

    Raises:
        ValueError: for another precision.
    """

    def __init__(self, recognizer: FaceRecognizer, precision: Precision = "float32") -> None:
        super().__init__()
        if precision not in get_args(Precision):
            raise ValueError(f"precision={precision!r}: choose one of {', '.join(get_args(Precision))}")
        self.fingerprint = fingerprint(recognizer)
        self.description = _describe(recognizer)
        self.image_size = recognizer.preprocess.size
        self.alignment = Alignment.from_dict(recognizer.alignment)
        self.calibration = recognizer.calibration
        by_cosine = self.calibration is not None and self.calibration.get("score", "cosine") == "cosine"
        self.threshold = self.calibration["threshold"] if self.calibration and by_cosine else None
        self.recognizer = _for_use(recognizer.eval(), precision)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: str | torch.device = "cpu", precision: Precision = "float32"
    ) -> Embedder:
        """Load a checkpoint of ``facerec fit``, without configuration file and without unpickling code.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not a checkpoint, or was built in Python and does not say what its backbone is.
        """
        checkpoint = load_checkpoint(path)
        if "backbone" not in (checkpoint.get("hyper_parameters") or {}):
            raise ValueError(
                f"{path} holds no description of its backbone (it was built in Python): load it with "
                "FaceRecognizer.load_from_checkpoint(path, backbone=..., loss=..., optimizer=...) and pass that"
            )
        with warnings.catch_warnings():
            # Lightning's advice to whoever writes such a class; whoever uses a checkpoint can do nothing about it.
            warnings.filterwarnings("ignore", message="Attribute '.*' is an instance of `nn.Module`")
            try:
                recognizer = FaceRecognizer.load_from_checkpoint(path, map_location=device, weights_only=True)
            except Exception as error:  # whatever building a network from settings of another program raises
                raise ValueError(
                    f"{path} does not load as a checkpoint of `facerec fit` ({type(error).__name__}: {error})"
                ) from error
        return cls(recognizer, precision)

    @torch.inference_mode()
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images.

        Args:
            images_BCHW: uint8 (B, 3, H, W), RGB, on any device.

        Returns:
            float32 embeddings (B, D), not normalised, on the device of the model.
        """
        return self.recognizer.embed(images_BCHW.to(self.recognizer.device))


class CastBackbone(Backbone):
    """A backbone in another precision behind a float32 door: what is around it need not know."""

    def __init__(self, backbone: Backbone, dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone = backbone.to(dtype)
        self.embedding_dim = backbone.embedding_dim
        self.dtype = dtype
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):  # those left unfolded: a running variance has no digits to spare
                module.float()

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed normalised images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.backbone(images_BCHW.to(self.dtype))
        return embeddings_BD


def _for_use(recognizer: FaceRecognizer, precision: Precision) -> FaceRecognizer:
    """The recognizer around a copy of its backbone; the recognizer that was given keeps its own, and its trainer."""
    backbone = fold_for_use(recognizer.backbone, recognizer.preprocess.size, torch.channels_last)
    if precision == "bfloat16":
        backbone = CastBackbone(backbone, torch.bfloat16)
    used = shallow_copy(recognizer)
    used.backbone = backbone.requires_grad_(False)
    used.memory_format = torch.channels_last
    return used.eval()


def shallow_copy(recognizer: FaceRecognizer) -> FaceRecognizer:
    """A recognizer of the same modules, whose slots can be filled anew without touching the other's."""
    twin = copy.copy(recognizer)
    twin._modules = dict(recognizer._modules)
    return twin


def _describe(recognizer: FaceRecognizer) -> dict[str, int | str]:
    parameters = count_parameters(recognizer.backbone) + count_parameters(recognizer.loss)
    return {"parameter_count": parameters, "model_architecture": f"{recognizer.backbone}\n{recognizer.loss}"}


def fingerprint(recognizer: FaceRecognizer) -> str:
    """16 hexadecimal digits of the trained backbone, its preprocessing and its views; the same in every precision."""
    digest = hashlib.sha256()
    preprocess = recognizer.preprocess
    settings = (preprocess.size, preprocess.mean, preprocess.std, recognizer.flip_test)
    digest.update(repr(settings).encode())
    for name, tensor in sorted(recognizer.backbone.state_dict().items()):
        if tensor.is_floating_point():  # not the count of batches, which changes nothing
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
