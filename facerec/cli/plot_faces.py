"""``facerec plot faces``: the faces that a detector of ``facerec align`` finds in photographs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from facerec.align import TEMPLATES, Aligner, Detections, align_face, similarity_transform
from facerec.align.aligner import FACES, pick_face
from facerec.align.detectors import DETECTORS
from facerec.inference.encoding import LeftOut
from facerec.inference.images import ImageFiles, find_images
from facerec.plots.faces import AlignedFace, Photograph, faces_figure
from facerec.settings import require_within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PHOTOGRAPHS = 12


class DrawnFaces(NamedTuple):
    """A figure, and the names for its file.

    Attributes:
        figure: of all photographs that can be read.
        names: of these.
        left_out: photographs that cannot be read, or show no face.
        total: number of photographs.
    """

    figure: "Figure"
    names: list[str]
    left_out: list[LeftOut]
    total: int


def add_faces_options(parser: argparse.ArgumentParser) -> None:
    """What ``faces`` takes alone; the names are those of ``facerec align``."""
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        help="faces: face detector (default: yunet where it is installed, else mtcnn)",
    )
    parser.add_argument("--model", metavar="FILE", help="faces: network file of --detector opencv")
    parser.add_argument(
        "--min_score",
        type=float,
        metavar="SCORE",
        help="faces: lowest score of a face (default: yunet 0.6, others 0.9)",
    )
    parser.add_argument("--template", choices=list(TEMPLATES), help="faces: width x height (default: 112x112)")
    parser.add_argument("--face", choices=FACES, help="faces: face that is taken of several (default: largest)")


def faces(options: argparse.Namespace) -> DrawnFaces:
    """The figure of the photographs that can be read. One without a face is drawn as it is, and counted.

    Raises:
        ValueError: for too many photographs, none that can be read, or a detector that is not installed.
        FileNotFoundError: if there is no such folder, list or network file.
    """
    source = find_images(options.run)
    require_within("faces: ", 1, MOST_PHOTOGRAPHS, photographs=len(source))
    aligner = Aligner(
        options.detector,
        options.template or "112x112",
        options.face or "largest",
        options.min_score,
        options.model,
    )
    photographs, left_out = [], []
    for index in range(len(source)):
        found = _photograph(source, index, aligner)
        if isinstance(found, Photograph):
            photographs.append(found)
        if isinstance(found, LeftOut):
            left_out.append(found)
        elif not found.faces:
            left_out.append(LeftOut(source.name(index), f"no face in {source.name(index)}"))
    if not photographs:
        raise ValueError(f"none of {len(source)} photographs can be read: {left_out[0].reason}")
    how = f"{aligner.alignment}, score at least {aligner.alignment.min_score:g}; taken: the {aligner.face} face"
    figure = faces_figure(photographs, aligner.template.points_52, how, options.title)
    return DrawnFaces(figure, [Path(some.name).stem for some in photographs], left_out, len(source))


def _photograph(source: ImageFiles, index: int, aligner: Aligner) -> Photograph | LeftOut:
    try:
        image_3HW = source.read(index)
    except (ValueError, FileNotFoundError) as error:
        return LeftOut(source.name(index), str(error))
    found = aligner.detector.detect(image_3HW)
    taken = pick_face(found, aligner.face, image_3HW.shape[-2:]) if len(found.boxes) else None
    faces = [_aligned(image_3HW, found, place, aligner) for place in range(len(found.boxes))]
    return Photograph(Path(source.name(index)).name, image_3HW, faces, taken)


def _aligned(image_3HW: Tensor, found: Detections, place: int, aligner: Aligner) -> AlignedFace:
    """One face, as ``facerec align`` brings it to the template."""
    points_52 = found.points[place].double().numpy()
    aligned_3hw, moved_52 = None, np.full((5, 2), np.nan)
    try:
        aligned_3hw = align_face(image_3HW, points_52, aligner.template)
        matrix_23 = similarity_transform(points_52, aligner.template.points_52)
        moved_52 = points_52 @ matrix_23[:, :2].T + matrix_23[:, 2]
    except ValueError:
        pass  # points that allow no alignment: the figure shows them
    box_4 = found.boxes[place].to(torch.float64).numpy()
    return AlignedFace(box_4, float(found.scores[place]), points_52, aligned_3hw, moved_52)
