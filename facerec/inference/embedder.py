"""A trained network in use: images in, embeddings out, from a checkpoint alone."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from facerec.backbones import Backbone
from facerec.backbones.cost import count_parameters
from facerec.backbones.folding import fold_for_use
from facerec.inference.loading import load_recognizer
from facerec.inference.pixels import FaceImages, to_pixels
from facerec.recognizer import FaceRecognizer
from facerec.settings import require_choice

Precision = Literal["float32", "bfloat16"]


class Embedder(nn.Module):
    """Embeds images with the preprocessing that the network was trained with.

    ``Embedder.from_checkpoint("best.ckpt")("face.jpg")`` embeds a file. The backbone is a copy for use: in evaluation
    mode, batch normalisation folded, channels innermost.

    Args:
        recognizer: trained model; it is put in evaluation mode.
        precision: precision of the backbone's weights and maps. ``bfloat16`` is several times as fast if the processor
            has the instructions, and changes cosine scores in the third digit.

    Attributes:
        recognizer: the model with that backbone.
        description: network as trained: ``parameter_count``, which includes the loss, and ``model_architecture``.
        fingerprint: hash of the trained weights and of the processing of images before and after them.
        image_size: (height, width) that images are resized to.
        alignment: alignment of the training images; None if unknown.
        calibration: threshold, its expected FAR and FRR, and the score that it belongs to. None for a model that no
            validation pairs calibrated.
        threshold: cosine score from which on two images count as one person, calibrated on the validation pairs. None
            for a model without a threshold, or with one of another score.

    Raises:
        ValueError: for another precision, or weights that give NaN or inf.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from facerec.backbones import ResNet
        >>> from facerec.inference import Embedder
        >>> from facerec.losses import Triplet
        >>> from facerec.recognizer import FaceRecognizer
        >>> backbone = ResNet(18, embedding_dim=8, width=8)
        >>> embedder = Embedder(FaceRecognizer(backbone, Triplet(), torch.optim.SGD, image_size=(32, 32)))
        >>> embedder(np.zeros((50, 40, 3), dtype=np.uint8)).shape
        torch.Size([1, 8])
        >>> embedder([torch.rand(3, 32, 32), torch.zeros(3, 64, 48, dtype=torch.uint8)]).shape
        torch.Size([2, 8])
    """

    def __init__(self, recognizer: FaceRecognizer, precision: Precision = "float32") -> None:
        super().__init__()
        require_choice(self, get_args(Precision), precision=precision)
        self.fingerprint = model_fingerprint(recognizer)
        self.description = _describe(recognizer)
        self.image_size = recognizer.preprocess.size
        self.alignment = recognizer.card.alignment
        self.calibration = recognizer.card.calibration
        by_cosine = self.calibration is not None and self.calibration.get("score", "cosine") == "cosine"
        self.threshold = self.calibration["threshold"] if self.calibration and by_cosine else None
        self.recognizer = _for_use(recognizer.eval(), precision)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        trust: Sequence[str] = (),
        *,
        raw_weights: bool = False,
    ) -> Embedder:
        """Load a checkpoint of ``facerec fit``, without configuration file and without unpickling code.

        Class weights stay in the file until :func:`~facerec.inference.submission.predict_classes` uses them.

        Args:
            path: checkpoint file; or folder of a run, or of an experiment (``runs/NAME``): the best checkpoint of the
                newest run is loaded.
            device: device of the network.
            precision: see the class.
            trust: modules whose classes the checkpoint may name. Classes of facerec, torch, torchvision, lightning and
                timm need no trust, nor does a subclass of ``Backbone`` that is imported already.
            raw_weights: whether to take the weights as they were trained, where the checkpoint offers their average.

        Raises:
            FileNotFoundError: if there is no such file, or no checkpoint in the folder.
            ValueError: if it is not a checkpoint, is damaged, names a class that is not trusted, or was built in Python
                and does not describe its backbone.
        """
        return cls(load_recognizer(path, device, trust, raw_weights=raw_weights), precision)

    @torch.inference_mode()
    def forward(self, images: FaceImages) -> Tensor:
        """Embed images, all in one batch. For folders and long lists take :func:`facerec.inference.encode`.

        Args:
            images: uint8 images (N, 3, H, W) in RGB on any device; or a path, a Pillow image, an array, a tensor, or a
                list of these, see :func:`facerec.inference.pixels.to_pixels`.

        Returns:
            float32 embeddings (N, D), not normalised, on the device of the model. N is 1 for a single image.

        Raises:
            FileNotFoundError: if there is no file at a path.
            ValueError: for images that cannot be used, saying why.
        """
        pixels_BCHW = to_pixels(images, self.image_size)
        return self.recognizer.embed(pixels_BCHW.to(self.device, non_blocking=True))

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.recognizer.device


class CastBackbone(Backbone):
    """A backbone in another precision that still gives float32."""

    def __init__(self, backbone: Backbone, dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone = backbone.to(dtype)
        self.embedding_dim = backbone.embedding_dim
        self.dtype = dtype
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):  # an unfolded one: a running variance has no digits to spare
                module.float()

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed normalised images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.backbone(images_BCHW.to(self.dtype))
        return embeddings_BD


def _for_use(recognizer: FaceRecognizer, precision: Precision) -> FaceRecognizer:
    """A recognizer around a copy of the backbone. The given recognizer keeps its own backbone, and its trainer."""
    backbone = fold_for_use(recognizer.backbone, recognizer.preprocess.size, torch.channels_last)
    if precision == "bfloat16":
        backbone = CastBackbone(backbone, torch.bfloat16)
    used = shallow_copy(recognizer)
    used.backbone = backbone.requires_grad_(False)
    used.memory_format = torch.channels_last
    return used.eval()


def shallow_copy(recognizer: FaceRecognizer) -> FaceRecognizer:
    """A recognizer with the same modules, in which one can be replaced without touching the original."""
    twin = copy.copy(recognizer)
    twin._modules = dict(recognizer._modules)
    return twin


def _describe(recognizer: FaceRecognizer) -> dict[str, int | str]:
    parameters = count_parameters(recognizer.backbone) + count_parameters(recognizer.loss)
    return {"parameter_count": parameters, "model_architecture": f"{recognizer.backbone}\n{recognizer.loss}"}


def model_fingerprint(recognizer: FaceRecognizer) -> str:
    """16 hexadecimal digits of the trained backbone, its preprocessing and its views; the same in every precision."""
    digest = hashlib.sha256()
    preprocess = recognizer.preprocess
    settings = (preprocess.size, preprocess.mean, preprocess.std, recognizer.flip_test)
    digest.update(repr(settings).encode())
    for name, tensor in sorted(recognizer.backbone.state_dict().items()):
        if tensor.is_floating_point():  # the count of batches changes nothing
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
