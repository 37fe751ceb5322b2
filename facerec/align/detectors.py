"""Face detectors behind one protocol: an image in, boxes, scores and five points out.

No detector comes with facerec. ``yunet`` is an extra; ``mtcnn`` and ``opencv`` work where they are installed. Each
package is imported only when its detector is made.
"""

from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import nms

from facerec.settings import require_choice, require_within
from facerec.transforms.preprocess import resize

MAX_OVERLAP = 0.4
DETECTORS = ("yunet", "mtcnn", "opencv")


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


def make_detector(name: str, min_score: float | None = None, model: str | None = None) -> Detector:
    """A detector by its name.

    Args:
        name: ``yunet``, ``mtcnn`` or ``opencv``.
        min_score: lowest score in (0, 1) of a face; by default 0.6 for ``yunet``, 0.9 for the others.
        model: file of the network, for ``opencv`` alone.

    Raises:
        ValueError: for another name, a score out of range, or a model given to a detector that has its own.
        FileNotFoundError: if there is no such model.
        MissingDetectorError: if the package is not installed, saying how to.

    Example:
        >>> make_detector("haar")
        Traceback (most recent call last):
        ValueError: make_detector detector='haar': choose one of yunet, mtcnn, opencv
    """
    require_choice("make_detector", DETECTORS, detector=name)
    if min_score is not None:
        require_within("make_detector", 0.0, 1.0, low_excluded=True, high_excluded=True, min_score=min_score)
    if name == "opencv":
        if model is None:
            raise ValueError("detector='opencv' needs the file of a YuNet network: give model (--model FILE.onnx)")
        return OpenCV(model, 0.9 if min_score is None else min_score)
    if model is not None:
        raise ValueError(f"model={model!r}: {name} has its own network. Give a file with detector='opencv' alone")
    if name == "mtcnn":
        return MTCNN(0.9 if min_score is None else min_score)
    return YuNet(0.6 if min_score is None else min_score)


def distinct(boxes_N4: Any, scores_N: Any, points_N52: Any, min_score: float) -> Detections:
    """Each face once: of boxes that overlap, the one with the highest score (non-maximum suppression)."""
    boxes = torch.from_numpy(np.asarray(boxes_N4, dtype=np.float32).reshape(-1, 4))
    scores = torch.from_numpy(np.asarray(scores_N, dtype=np.float32).reshape(-1))
    points = torch.from_numpy(np.asarray(points_N52, dtype=np.float32).reshape(-1, 5, 2))
    sure = scores >= min_score
    boxes, scores, points = boxes[sure], scores[sure], points[sure]
    kept = nms(boxes, scores, MAX_OVERLAP)
    return Detections(boxes[kept], scores[kept], points[kept])


class YuNet:
    """YuNet (Wu et al., Machine Intelligence Research 2023) as the package ``yuface`` carries it.

    Sizes matter to YuNet. Measured on LFW, it finds a face of 24 pixels far better once enlarged, loses faces above
    some 350 pixels, and gives whole pixels. So an image of less than 192 pixels is enlarged to 192. One of more than
    320 is searched twice: at 320 pixels, and at its own size for the faces that are smaller than 320 there. That size
    is at most 960, where the package itself warns. Of two detections of a face the one with the higher score counts.

    Args:
        min_score: lowest score of a face.
    """

    smallest, middle, largest = 192, 320, 960

    def __init__(self, min_score: float = 0.6) -> None:
        hint = (
            'pip install "facerec[align]", which has it for Python 3.10 and 3.11 on x86-64 under Linux and Windows; '
            "elsewhere use the detector mtcnn or opencv"
        )
        self._yuface = _import("yuface", "yunet", hint)
        self.min_score = min_score
        self.version = f"yuface {metadata.version('yuface')}"

    def detect(self, image_3HW: Tensor) -> Detections:
        """The faces of one image, uint8 (3, H, W) RGB, each once."""
        found = [self._detect_at(image_3HW, side) for side in self._sides(max(image_3HW.shape[-2:]))]
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return distinct(boxes, scores, points, self.min_score)

    def _sides(self, side: int) -> list[int]:
        """Lengths of the longer side at which to search an image of that length."""
        if side <= self.middle:
            return [max(side, self.smallest)]
        return [self.middle, min(side, self.largest)]

    def _detect_at(self, image_3HW: Tensor, side: int) -> tuple[NDArray[np.float32], ...]:
        height, width = image_3HW.shape[-2:]
        factor = side / max(height, width)
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        resized_3HW = resize(image_3HW[None], size)[0]
        # The package reads memory from front to back whatever the strides: without a copy it sees another image.
        bgr_HW3 = np.ascontiguousarray(resized_3HW.flip(0).permute(1, 2, 0).numpy())
        scores_N, boxes_N4, points_N10 = self._yuface.detect(bgr_HW3, self.min_score)
        fits = boxes_N4[:, 2:].max(axis=1, initial=0) <= self.middle
        scores_N, boxes_N4, points_N10 = scores_N[fits], boxes_N4[fits], points_N10[fits]
        scale = np.array([width / size[1], height / size[0]], dtype=np.float32)
        corners_N22 = boxes_N4.astype(np.float32).reshape(-1, 2, 2)
        corners_N22[:, 1] += corners_N22[:, 0]  # from left, top, width, height
        points_N52 = (points_N10.astype(np.float32).reshape(-1, 5, 2) + 0.5) * scale - 0.5
        return (corners_N22 * scale).reshape(-1, 4), scores_N.astype(np.float32) / 100, points_N52


class MTCNN:
    """MTCNN (Zhang et al., Signal Processing Letters 2016) as the package ``facenet-pytorch`` carries it.

    Args:
        min_score: lowest score of a face.
    """

    smallest = 20

    def __init__(self, min_score: float = 0.9) -> None:
        hint = (
            "pip install --no-deps facenet-pytorch && pip install requests (with its own dependencies it would replace "
            "your torch by an old one)"
        )
        package = _import("facenet_pytorch", "mtcnn", hint)
        self._mtcnn = package.MTCNN(keep_all=True, device="cpu")
        self.min_score = min_score
        self.version = f"facenet-pytorch {metadata.version('facenet-pytorch')}"

    def detect(self, image_3HW: Tensor) -> Detections:
        """The faces of one image, uint8 (3, H, W) RGB, each once."""
        if min(image_3HW.shape[-2:]) < self.smallest:  # below, the package fails rather than find nothing
            return distinct([], [], [], self.min_score)
        rgb_HW3 = np.ascontiguousarray(image_3HW.permute(1, 2, 0).numpy())
        boxes, scores, points = self._mtcnn.detect(rgb_HW3, landmarks=True)
        if boxes is None:
            return distinct([], [], [], self.min_score)
        # Arrays of objects, which is what numpy made of them inside the package.
        return distinct(boxes.astype(np.float32), scores.astype(np.float32), points.astype(np.float32), self.min_score)


class OpenCV:
    """``cv2.FaceDetectorYN`` with a network of the user's, such as face_detection_yunet_2023mar.onnx of OpenCV's zoo.

    Args:
        model: file of the network.
        min_score: lowest score of a face.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if OpenCV cannot read it.
    """

    largest = 960

    def __init__(self, model: str, min_score: float = 0.9) -> None:
        if not Path(model).is_file():
            raise FileNotFoundError(f"no model {model} for the detector opencv")
        cv2 = _import("cv2", "opencv", "pip install opencv-python-headless")
        if not hasattr(cv2, "FaceDetectorYN"):
            raise MissingDetectorError(f"OpenCV {cv2.__version__} has no FaceDetectorYN: install 4.8 or later")
        try:
            self._network = cv2.FaceDetectorYN.create(model, "", (320, 320), min_score, 1.0, 5000)
        except cv2.error as error:
            raise ValueError(f"OpenCV cannot read {model} as a network of FaceDetectorYN: {error}") from error
        self.min_score = min_score
        self.version = f"{Path(model).name} sha256 {_digest(model)}"

    def detect(self, image_3HW: Tensor) -> Detections:
        """The faces of one image, uint8 (3, H, W) RGB, each once."""
        height, width = image_3HW.shape[-2:]
        factor = min(1.0, self.largest / max(height, width))
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        bgr_HW3 = np.ascontiguousarray(resize(image_3HW[None], size)[0].flip(0).permute(1, 2, 0).numpy())
        self._network.setInputSize((size[1], size[0]))
        _, rows = self._network.detect(bgr_HW3)
        rows_N15 = np.empty((0, 15), dtype=np.float32) if rows is None else np.asarray(rows, dtype=np.float32)
        scale = np.array([width / size[1], height / size[0]], dtype=np.float32)
        corners_N22 = rows_N15[:, :4].reshape(-1, 2, 2).copy()
        corners_N22[:, 1] += corners_N22[:, 0]
        points_N52 = (rows_N15[:, 4:14].reshape(-1, 5, 2) + 0.5) * scale - 0.5
        return distinct((corners_N22 * scale).reshape(-1, 4), rows_N15[:, 14], points_N52, self.min_score)


def _import(module: str, detector: str, hint: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDetectorError(f"the detector {detector} is not installed ({error}): {hint}") from error


def _digest(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:12]
