"""Five points of a face, their places in a template, and the similarity transform that brings them there.

The five points are always the left eye, the right eye, the tip of the nose, the left and the right corner of the mouth,
left and right as the viewer sees them. Coordinates are (x, y) in pixels, whole numbers at the centres of pixels.

Legend: N points, ``points_N2`` their coordinates, ``matrix_23`` an affine map [A | t] with (x', y') = A (x, y) + t.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

POINT_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
TEMPLATE_96 = ((30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041))


class Template(NamedTuple):
    """Where the five points of an aligned face are.

    Attributes:
        name: on the command line, ``<width>x<height>``.
        width: of the aligned image, in pixels.
        height: of the aligned image, in pixels.
        points_52: the five points, (x, y) in pixels.

    Example:
        >>> template = TEMPLATES["96x112"]
        >>> template.width, template.height, template.points_52[2].tolist()  # the tip of the nose
        (96, 112, [48.0252, 71.7366])
    """

    name: str
    width: int
    height: int
    points_52: NDArray[np.float64]


# SphereFace (Liu et al., CVPR 2017) published the points for 96x112; insightface moved them by 8 pixels for 112x112.
TEMPLATES = {
    "112x112": Template("112x112", 112, 112, np.add(TEMPLATE_96, (8.0, 0.0))),
    "96x112": Template("96x112", 96, 112, np.array(TEMPLATE_96)),
}


def find_template(name: str) -> Template:
    """The template of that name. Width comes first, unlike in ``image_size``: 96x112 is ``image_size: [112, 96]``.

    Raises:
        ValueError: for another name.

    Example:
        >>> find_template("112x112").height
        112
    """
    if name not in TEMPLATES:
        raise ValueError(f"template={name!r}: choose one of {', '.join(TEMPLATES)} (width x height)")
    return TEMPLATES[name]


def similarity_transform(source_N2: ArrayLike, target_N2: ArrayLike) -> NDArray[np.float64]:
    """The rotation, uniform scale and shift that bring points nearest to others, by least squares.

    The closed form of S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991, equations 40 to 43. It is never a reflection. In the plane it needs no singular values: with the centred
    points as complex numbers z and w, the map is w = a z with a = sum(conj(z) w) / sum(|z|^2).

    Args:
        source_N2: at least two points.
        target_N2: the place of each in the result.

    Returns:
        Affine map (2, 3) from source to target.

    Raises:
        ValueError: if the shapes differ, a coordinate is not finite, or all points of one side coincide.

    Example:
        >>> similarity_transform([(0, 0), (2, 0)], [(5, 5), (5, 9)]).tolist()  # a quarter turn, twice as large
        [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    source, target = np.asarray(source_N2, dtype=np.float64), np.asarray(target_N2, dtype=np.float64)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2 or len(source) < 2:
        raise ValueError(f"points of shape {source.shape} to {target.shape}: both must be (N, 2) with N of 2 or more")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("a coordinate of the points is not a finite number")
    centre, target_centre = source.mean(axis=0), target.mean(axis=0)
    z = (source - centre) @ [1, 1j]
    w = (target - target_centre) @ [1, 1j]
    spread, product = np.vdot(z, z).real, np.vdot(z, w)
    if spread < 1e-12 or abs(product) < 1e-12:
        raise ValueError(f"no similarity transform: the points coincide, or match in no direction: {source.tolist()}")
    a = product / spread
    linear = np.array([[a.real, -a.imag], [a.imag, a.real]])
    return np.column_stack([linear, target_centre - linear @ centre])


def check_left_and_right(points_N52: NDArray[np.float64], origin: str) -> None:
    """Refuse points that do not come in the order of the viewer: they would turn every face over.

    The majority decides, because single faces may lie on their side or their head.

    Raises:
        ValueError: naming the file, if most left eyes are to the right of the right eyes.
    """
    swapped = int((points_N52[:, 0, 0] > points_N52[:, 1, 0]).sum())
    if 2 * swapped > len(points_N52):
        raise ValueError(
            f"{origin}: in {swapped} of {len(points_N52)} faces the left eye is to the right of the right eye; the "
            f"order must be {', '.join(POINT_NAMES)}, left and right as the viewer sees them"
        )
