"""An ONNX model of another project. Its file does not say how to prepare images, so the user does.

Shapes: B batch, C channels, H height, W width, D embedding.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from facerec.files import checksum
from facerec.flip_test import FlipTest, embed_views
from facerec.inference.onnx_model import METADATA_PREFIX, open_session, uint8_pixels
from facerec.inference.pixels import FaceImages, to_pixels
from facerec.settings import require_choice, require_positive, require_within
from facerec.transforms.preprocess import PerChannel, Preprocess, channels

Channels = Literal["RGB", "BGR"]
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
SCALES = ("Sub", "Div", "Mul", "Add")  # what a network does first that scales its pixels itself


class PixelScale(NamedTuple):
    """How pixels p from 0 to 255 become the network's numbers: (p - mean) / std."""

    mean: PerChannel
    std: PerChannel


PIXEL_SCALES = {
    "minus_one_to_one": PixelScale(127.5, 127.5),
    "over_128": PixelScale(127.5, 128.0),
    "zero_to_one": PixelScale(0.0, 255.0),
    "imagenet": PixelScale((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "unchanged": PixelScale(0.0, 1.0),
}
"""Scales by what they do. The first is that of insightface's published models."""


class ForeignOnnx:
    """Embeds images by an ONNX model that facerec did not export.

    Args:
        path: ``.onnx`` file with one input (B, 3, H, W) or (B, H, W, 3), and embeddings (B, D) as its first output.
        size: (height, width) of its images; by default what the file says.
        scale: mean and divisor of pixels from 0 to 255, in the order R, G, B.
        order: of the channels in the input.
        flip_test: what becomes of the mirror image: ``sum``, ``concatenate``, or None to leave it out.

    Attributes:
        fingerprint: hash of the file.
        image_size: (height, width).
        calibration: None: nobody calibrated it.
        alignment: None: the file does not say.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if onnxruntime cannot read it, facerec exported it, its input is no image or has another size, or a
            setting is outside its range.
    """

    calibration = None
    alignment = None

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int] | None = None,
        scale: PixelScale = PIXEL_SCALES["minus_one_to_one"],
        order: Channels = "RGB",
        flip_test: FlipTest | None = None,
    ) -> None:
        require_choice("--", get_args(Channels), channels=order)
        require_choice("--", (None, "sum", "concatenate"), flip_test=flip_test)
        for value in channels(scale.mean, "pixel_mean"):
            require_within("--", 0.0, 255.0, pixel_mean=value)
        for value in channels(scale.std, "pixel_std"):
            require_positive("--", pixel_std=value)
        if not Path(path).is_file():
            raise FileNotFoundError(f"no ONNX model {path}")
        self.path = path
        self.flip_test = flip_test
        self._session = open_session(path)
        if is_of_facerec(self._session):
            raise ValueError(f"{path} was written by `facerec export` and says how to prepare images itself")
        self._input, self._output = self._single_input(), self._session.get_outputs()[0].name
        self.image_size, self._is_last, self._batch = self._shape(size)
        self._dtype = self._type(scale)
        self._reversed = order == "BGR"
        self._preprocess = Preprocess(
            self.image_size,
            _each(scale.mean, 1.0 / 255.0),
            _each(scale.std, 1.0 / 255.0),
        )
        self.fingerprint = checksum(path)[:16]

    @property
    def outputs(self) -> list[str]:
        """Names of all outputs. The first holds the embeddings."""
        return [output.name for output in self._session.get_outputs()]

    def __call__(self, images: FaceImages) -> Tensor:
        """Embed images, see :meth:`facerec.inference.embedder.Embedder.forward`.

        Returns:
            float32 embeddings (N, D), not normalised.
        """
        return embed_views(self._embed, to_pixels(images, self.image_size), self.flip_test)

    def _embed(self, pixels_BCHW: Tensor) -> Tensor:
        inputs_BCHW = (
            self._preprocess(pixels_BCHW) if self._dtype != np.uint8 else uint8_pixels(pixels_BCHW, self.image_size)
        )
        if self._reversed:
            inputs_BCHW = inputs_BCHW.flip(1)
        inputs = (inputs_BCHW.movedim(1, 3) if self._is_last else inputs_BCHW).contiguous().numpy().astype(self._dtype)
        if self._batch is None:
            return self._run(inputs)
        empty = np.zeros((-len(inputs) % self._batch, *inputs.shape[1:]), dtype=self._dtype)
        parts = np.split(np.concatenate([inputs, empty]), (len(inputs) + len(empty)) // self._batch)
        return torch.cat([self._run(part) for part in parts])[: len(inputs)]

    def _run(self, inputs: Any) -> Tensor:
        try:
            [found] = self._session.run([self._output], {self._input.name: inputs})
        except Exception as error:  # onnxruntime has its own hierarchy, outside of its public names
            raise ValueError(f"{self.path} does not run on images of {inputs.shape}: {error}") from error
        found_BD = np.asarray(found, dtype=np.float32).reshape(len(found), -1) if np.ndim(found) > 1 else None
        if found_BD is None or len(found_BD) != len(inputs) or math.prod(found.shape[2:]) != 1:
            raise ValueError(
                f"{self.path}: its output {self._output!r} is {np.shape(found)} for {len(inputs)} images, and "
                "embeddings are (B, D). Export the network without what comes after its embedding"
            )
        return torch.from_numpy(found_BD)

    def _single_input(self) -> Any:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = ", ".join(f"{some.name} {some.shape}" for some in inputs)
            raise ValueError(
                f"{self.path} takes {shapes}: facerec runs networks with one input of images, (B, 3, H, W)"
            )
        return inputs[0]

    def _shape(self, size: tuple[int, int] | None) -> tuple[tuple[int, int], bool, int | None]:
        """Size of the images, whether channels come last, and the number of images if it is fixed.

        Raises:
            ValueError: if these are no images of three channels, or none of the size that is asked for.
        """
        batch, *rest = (side if isinstance(side, int) and side > 0 else None for side in self._input.shape)
        is_last = rest[2] == 3 and rest[0] != 3
        if not is_last and rest[0] not in (3, None):
            raise ValueError(
                f"{self.path} takes {self._input.shape}: images have three channels, (B, 3, H, W) or (B, H, W, 3)"
            )
        sides = rest[:2] if is_last else rest[1:]
        if size is None:
            if None in sides:
                raise ValueError(
                    f"{self.path} takes images of any size, {self._input.shape}: give --image_size HEIGHT WIDTH, such "
                    "as 112 112"
                )
            size = int(sides[0] or 0), int(sides[1] or 0)
        require_within("--", 1, 4096, image_size=min(size))
        if any(side not in (wanted, None) for side, wanted in zip(sides, size, strict=True)):
            raise ValueError(
                f"--image_size {size[0]} {size[1]}: {self.path} takes {sides[0]} x {sides[1]}, {self._input.shape}. "
                "Leave --image_size out"
            )
        return size, is_last, batch

    def _type(self, scale: PixelScale) -> Any:
        kind = self._input.type
        if kind not in DTYPES:
            raise ValueError(f"{self.path} takes {kind}: facerec gives float, float16 or uint8 pixels")
        if DTYPES[kind] == np.uint8 and scale != PIXEL_SCALES["unchanged"]:
            raise ValueError(f"{self.path} takes uint8 pixels, so it scales them itself: give --pixels unchanged")
        return DTYPES[kind]


def is_of_facerec(session: Any) -> bool:
    """Whether ``facerec export`` wrote a file, which then says how to prepare images."""
    return any(key.startswith(METADATA_PREFIX) for key in session.get_modelmeta().custom_metadata_map)


def scales_itself(path: str | Path) -> str | None:
    """The first operation of a network, if that scales pixels: to scale them before is once too often.

    None as well where the package ``onnx`` is not installed.
    """
    try:
        import onnx
    except ImportError:
        return None
    graph = onnx.load(str(path), load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    images = {some.name for some in graph.input} - stored
    return next((node.op_type for node in graph.node if images & set(node.input) and node.op_type in SCALES), None)


def _each(value: PerChannel | Sequence[float], factor: float) -> PerChannel:
    first, second, third = (number * factor for number in channels(value))
    return first if first == second == third else (first, second, third)
