"""Sources of images that are aligned by a list of landmarks as they are read."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.landmarks import find_template
from facerec.align.record import Alignment
from facerec.align.warp import align_face
from facerec.data.formats.landmarks import LABELLED_LINE, alignment_of, read_landmarks
from facerec.data.formats.listings import FileImages, FileListing
from facerec.data.formats.rows import image_folder
from facerec.data.images import read_image
from facerec.data.paths import PathList
from facerec.data.presence import require_files
from facerec.data.sources import Images, PairSource
from facerec.data.templates import Templates


class AlignedImages(Images):
    """Images that are aligned as they are read.

    Args:
        images: folder that the names in the list are relative to.
        landmarks_file: the list.
        template: ``112x112`` or ``96x112``, width x height.
        detector: detector that found the points.
    """

    def __init__(self, images: str, landmarks_file: str, template: str, detector: str | None) -> None:
        self.images = images
        self.landmarks_file = landmarks_file
        self.template = find_template(template)
        self.detector = detector

    @property
    @abstractmethod
    def points(self) -> NDArray[np.float64]:
        """The five points of each image before alignment (N, 5, 2)."""

    @abstractmethod
    def read_unaligned(self, index: int) -> Tensor:
        """Decode one image before alignment: uint8 (3, H, W), RGB."""

    @property
    def alignment(self) -> Alignment:
        """How the images are aligned."""
        return alignment_of(self.landmarks_file, self.template.name, self.detector)

    def read(self, index: int) -> Tensor:
        """Decode and align one image: uint8 (3, height, width) of the template, RGB."""
        image_3HW = self.read_unaligned(index)
        try:
            return align_face(image_3HW, self.points[index], self.template)
        except ValueError as error:
            raise ValueError(f"{self.landmarks_file} does not fit {self.name(index)}: {error}") from error


@dataclass(frozen=True)
class LandmarkListing(FileListing):
    """A listing of image files and their five points (N, 5, 2)."""

    points: NDArray[np.float64]


class LandmarkImages(AlignedImages, FileImages[LandmarkListing]):
    r"""Images of a list of landmarks, aligned as they are read.

    With labels in the list, class i is the i-th smallest label, and its name is the label as text. Without labels, the
    name of the image's folder is the person.

    Args:
        images: folder that the names are relative to, of images before alignment.
        landmarks_file: the list, ``image label x1 y1 ... x5 y5`` or ``image x1 y1 ... x5 y5``.
        template: ``112x112`` or ``96x112``, width x height.
        detector: detector that found the points (``mtcnn``, ``yunet``, ...). facerec warns when a network is tested on
            images that were aligned differently. ``alignment.json`` of ``facerec align`` beside the list names it too.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: for another template; when read, naming file and line, for a malformed line.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import LandmarkImages
        >>> with TemporaryDirectory() as root:
        ...     Image.new("RGB", (100, 120)).save(f"{root}/a.png")
        ...     _ = Path(root, "points.txt").write_text("a.png 7 30 50 65 50 48 70 33 92 62 92\n")
        ...     faces = LandmarkImages(root, f"{root}/points.txt", template="96x112")
        ...     faces.identities, faces.read(0).shape
        (['7'], torch.Size([3, 112, 96]))
    """

    def __init__(
        self, images: str, landmarks_file: str, template: str = "112x112", detector: str | None = None
    ) -> None:
        super().__init__(images, landmarks_file, template, detector)

    def find(self) -> LandmarkListing:
        """Read the list; the images keep its order."""
        root = image_folder(self.images, self.landmarks_file)
        names, labels, points_N52 = read_landmarks(self.landmarks_file, root)
        persons = _person_folders(names, self.landmarks_file) if labels is None else labels
        people, classes = np.unique(persons, return_inverse=True)
        identities = [str(person) for person in people]
        return LandmarkListing(identities, classes.astype(np.int64), PathList(root, names), points_N52)

    @property
    def points(self) -> NDArray[np.float64]:
        """The five points of each image before alignment (N, 5, 2)."""
        return self._listing.points

    def read_unaligned(self, index: int) -> Tensor:
        """Decode one image before alignment: uint8 (3, H, W), RGB."""
        return read_image(self.paths[index])

    def check(self) -> None:
        """Read the list and look for every file.

        Raises:
            FileNotFoundError: naming the first missing file.
        """
        require_files(self.paths, lambda _: self.landmarks_file)


def _person_folders(names: Sequence[str], landmarks_file: str) -> list[str]:
    """The folder of each image, which names its person."""
    expected = f"and the list has no labels: expected lines '{LABELLED_LINE}'"
    place_of: dict[str, Path] = {}
    persons = []
    for name in names:
        place = Path(name).parent
        if not place.name:
            raise ValueError(f"{landmarks_file}: {name!r} is in no folder of a person, {expected}")
        before = place_of.setdefault(place.name, place)
        if before != place:
            raise ValueError(f"{landmarks_file}: {before} and {place} may be one person or two, {expected}")
        persons.append(place.name)
    return persons


class LandmarkPairs(AlignedImages, PairSource):
    r"""Any pairs of image files, aligned by a list of landmarks as they are read: LFW with lfw_landmark.txt.

    Args:
        pairs: the pairs, of images before alignment.
        images: folder that the names in the list of landmarks are relative to.
        landmarks_file: the list. Its labels, if it has any, are not used.
        template: ``112x112`` or ``96x112``, width x height.
        detector: detector that found the points, see :class:`LandmarkImages`.

    Raises:
        FileNotFoundError: when read, for a missing list; by ``check``, for a missing image.
        ValueError: for another template; when read, naming file and line, for a malformed line; by ``check``, naming
            the first image of a pair that is not below ``images`` or not in the list.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import LandmarkPairs, ListPairs
        >>> with TemporaryDirectory() as root:
        ...     Image.new("RGB", (100, 120)).save(f"{root}/a.png")
        ...     _ = Path(root, "pairs.txt").write_text("a.png a.png 1\n")
        ...     _ = Path(root, "points.txt").write_text("a.png 30 50 65 50 48 70 33 92 62 92\n")
        ...     pairs = LandmarkPairs(ListPairs(root, f"{root}/pairs.txt"), root, f"{root}/points.txt")
        ...     pairs.same.tolist(), pairs.read(0).shape
        ([True], torch.Size([3, 112, 112]))
    """

    def __init__(
        self,
        pairs: PairSource,
        images: str,
        landmarks_file: str,
        template: str = "112x112",
        detector: str | None = None,
    ) -> None:
        super().__init__(images, landmarks_file, template, detector)
        self.unaligned = pairs

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """The five points of each image before alignment (N, 5, 2)."""
        landmarks = read_landmarks(self.landmarks_file, self.images)
        row_of = {name: row for row, name in enumerate(landmarks.names)}
        names = [self._listed_name(index) for index in range(len(self.unaligned))]
        missing = [name for name in names if name not in row_of]
        if missing:
            raise ValueError(
                f"{self.landmarks_file} holds no landmarks of {missing[0]}, one of {len(missing)} images of the pairs "
                "that it leaves out"
            )
        return landmarks.points[[row_of[name] for name in names]]

    def _listed_name(self, index: int) -> str:
        try:
            return Path(self.unaligned.name(index)).relative_to(self.images).as_posix()
        except ValueError:
            raise ValueError(
                f"{self.unaligned.name(index)} is not below images={self.images!r}, the folder that the names in "
                f"{self.landmarks_file} are relative to"
            ) from None

    def __len__(self) -> int:
        return len(self.unaligned)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2)."""
        return self.unaligned.pairs

    @property
    def same(self) -> NDArray[np.bool_] | None:
        """Whether each pair shows one person (P,), or None for pairs without labels."""
        return self.unaligned.same

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each pair (P,), or None without folds."""
        return self.unaligned.folds

    @property
    def people(self) -> frozenset[str]:
        """Names of the people; empty where they are unknown."""
        return self.unaligned.people

    @property
    def subjects(self) -> NDArray[np.int64] | None:
        """Number of the person on each image (N,), or None unless it is known of every image."""
        return self.unaligned.subjects

    @property
    def templates(self) -> Templates | None:
        """How images become templates, or None where each image stands for itself."""
        return self.unaligned.templates

    @property
    def galleries(self) -> NDArray[np.int64] | None:
        """Number of the gallery that each image is in (N,), or None without a protocol of identification."""
        return self.unaligned.galleries

    @property
    def groups(self) -> Mapping[str, Mapping[str, str]]:
        """For each attribute, the group of each person by name."""
        return self.unaligned.groups

    @property
    def qualities(self) -> str | None:
        """File of the qualities of the images, or None."""
        return self.unaligned.qualities

    def folders(self) -> list[str]:
        """Name of the folder of each image."""
        return self.unaligned.folders()

    def read_unaligned(self, index: int) -> Tensor:
        """Decode one image before alignment: uint8 (3, H, W), RGB."""
        return self.unaligned.read(index)

    def name(self, index: int) -> str:
        """Name of an image in messages."""
        return self.unaligned.name(index)

    def check(self) -> None:
        """Read the lists; look for every file and for the landmarks of every image."""
        self.unaligned.check()
        assert len(self.points) == len(self)
