"""Racial Faces in the Wild, aligned by the five points that the set comes with.

``test/txts/<Race>/<Race>_lmk.txt`` holds lines ``/test/data/<Race>/<id>/<id>_0001.jpg label x1 y1 ... x5 y5``, with
tabs between the columns: the left eye, right eye, nose, left and right mouth corner as the viewer sees them, in pixels
of the images of ``test/data``. (The set; bob.bio.face, RFWDatabase, reads the eyes from the same columns.)
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.landmarks import check_left_and_right
from facerec.data.formats.aligned import AlignedImages
from facerec.data.formats.landmarks import COORDINATES, LABELLED_LINE, coordinates
from facerec.data.formats.rfw import RFWPairs
from facerec.data.formats.rows import add_once, read_rows
from facerec.data.images import read_image


class AlignedRFWPairs(AlignedImages, RFWPairs):
    r"""The pairs of RFW, see :class:`RFWPairs`; each image is aligned by the points of the set as it is read.

    Args:
        root: folder with ``test``, or the folder with ``txts`` and ``data``.
        races: the races to read, by default all four.
        template: size that faces are aligned to, ``112x112`` or ``96x112``, width x height.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: for another race or template; when read, naming file and line, for a malformed line; by ``check``,
            naming the first image of a pair without points.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import AlignedRFWPairs
        >>> points = "\t".join("150 170 250 170 200 230 160 290 240 290".split())
        >>> with TemporaryDirectory() as root:
        ...     lists, faces = Path(root, "test", "txts", "Asian"), Path(root, "test", "data", "Asian", "m.01")
        ...     for folder in (lists, faces):
        ...         folder.mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (400, 400)).save(faces / f"m.01_000{number}.jpg")
        ...     _ = (lists / "Asian_pairs.txt").write_text("m.01\t1\t2\n")
        ...     lines = "".join(f"/test/data/Asian/m.01/m.01_000{number}.jpg\t0\t{points}\n" for number in (1, 2))
        ...     _ = (lists / "Asian_lmk.txt").write_text(lines)
        ...     pairs = AlignedRFWPairs(root, races=["Asian"])
        ...     pairs.same.tolist(), pairs.read(0).shape
        ([True], torch.Size([3, 112, 112]))
    """

    def __init__(self, root: str, races: Sequence[str] | None = None, template: str = "112x112") -> None:
        RFWPairs.__init__(self, root, races)
        AlignedImages.__init__(self, self.images, self._landmarks_of("<Race>"), template, None)

    def _landmarks_of(self, race: str) -> str:
        return str(Path(self.pairs_file, race, f"{race}_lmk.txt"))

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """The five points of each image before alignment (N, 5, 2)."""
        known = {name: values for race in self.races for name, values in self._read(race).items()}
        missing = [name for name in self.paths if name not in known]
        if missing:
            race = missing[0].partition("/")[0]
            raise ValueError(
                f"{self._landmarks_of(race)} holds no points of {missing[0]}, one of {len(missing)} images of the "
                "pairs without points"
            )
        return np.array([known[name] for name in self.paths]).reshape(-1, 5, 2)

    def _read(self, race: str) -> dict[str, list[float]]:
        """The points of the images of a race, by the path below ``data``."""
        path = self._landmarks_of(race)
        line_of: dict[str, int] = {}
        points: list[list[float]] = []
        for line, (image, _, *columns) in read_rows(path, (2 + COORDINATES,), LABELLED_LINE):
            origin = f"{path}:{line}"
            add_once(line_of, "/".join([race, *image.split("/")[-2:]]), line, origin)
            points.append(coordinates(columns, origin))
        if not points:
            raise ValueError(f"{path} is empty: expected lines '{LABELLED_LINE}'")
        check_left_and_right(np.array(points).reshape(-1, 5, 2), path)
        return dict(zip(line_of, points, strict=True))

    def read_unaligned(self, index: int) -> Tensor:
        """Decode one image before alignment: uint8 (3, H, W), RGB."""
        return read_image(self.paths[index])

    def check(self) -> None:
        """Read the lists; look for every image and its points.

        Raises:
            FileNotFoundError: naming the first missing file and its line.
        """
        RFWPairs.check(self)
        assert len(self.points) == len(self)
