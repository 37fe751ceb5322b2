"""What a detector gives and what it promises, and the steps that all detectors share."""

from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import nms

from facerec.transforms.preprocess import resize

MAX_OVERLAP = 0.4


class MissingDetectorError(ImportError, ValueError):
    """The package of a detector is not installed. It is also a ValueError: naming that detector is a bad setting.

    Example:
        >>> issubclass(MissingDetectorError, ImportError) and issubclass(MissingDetectorError, ValueError)
        True
    """


class Detections(NamedTuple):
    """Faces found in an image, float32.

    Attributes:
        boxes: left, top, right, bottom (N, 4), in pixels.
        scores: in [0, 1] (N,).
        points: left eye, right eye, nose, left and right mouth corner, each (x, y) in pixels (N, 5, 2).

    Example:
        >>> found = Detections(torch.tensor([[10.0, 20.0, 50.0, 70.0]]), torch.tensor([0.9]), torch.zeros(1, 5, 2))
        >>> len(found.boxes)
        1
    """

    boxes: Tensor
    scores: Tensor
    points: Tensor


class Detector(Protocol):
    """Anything that finds faces and their five points.

    Attributes:
        version: of the package or model. The same version finds the same points.
        min_score: lowest score of a face.

    Example:
        >>> class WholeImage:  # a detector of your own: the face fills the image
        ...     version, min_score = "1", 0.5
        ...     def detect(self, image_3HW):
        ...         height, width = image_3HW.shape[-2:]
        ...         eyes_nose_mouth = torch.tensor([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
        ...         box = torch.tensor([[0.0, 0.0, width, height]])
        ...         return Detections(box, torch.ones(1), (eyes_nose_mouth * torch.tensor([width, height]))[None])
        >>> detector: Detector = WholeImage()
        >>> detector.detect(torch.zeros(3, 100, 80)).points[0, 0]
        tensor([24., 40.])
    """

    version: str
    min_score: float

    def detect(self, image_3HW: Tensor) -> Detections:
        """The faces of one image, uint8 (3, H, W) RGB, each once."""


def distinct(boxes_N4: Any, scores_N: Any, points_N52: Any, min_score: float) -> Detections:
    """Each face once: of boxes that overlap, the one with the highest score (non-maximum suppression)."""
    boxes = torch.from_numpy(np.asarray(boxes_N4, dtype=np.float32).reshape(-1, 4))
    scores = torch.from_numpy(np.asarray(scores_N, dtype=np.float32).reshape(-1))
    points = torch.from_numpy(np.asarray(points_N52, dtype=np.float32).reshape(-1, 5, 2))
    sure = scores >= min_score
    boxes, scores, points = boxes[sure], scores[sure], points[sure]
    kept = nms(boxes, scores, MAX_OVERLAP)
    return Detections(boxes[kept], scores[kept], points[kept])


def resized_to(image_3HW: Tensor, side: int) -> tuple[Tensor, NDArray[np.float32]]:
    """An image whose longer side has this length, and the factors (x, y) that lead back from it.

    Example:
        >>> smaller, back = resized_to(torch.zeros(3, 100, 200, dtype=torch.uint8), 50)
        >>> tuple(smaller.shape), back.tolist()
        ((3, 25, 50), [4.0, 4.0])
    """
    height, width = image_3HW.shape[-2:]
    factor = side / max(height, width)
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return resize(image_3HW[None], size)[0], np.array([width / size[1], height / size[0]], dtype=np.float32)


def import_for(detector: str, module: str, hint: str) -> ModuleType:
    """The package of a detector.

    Raises:
        MissingDetectorError: if it is not installed, with the hint.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDetectorError(f"the detector {detector} is not installed ({error}): {hint}") from error
