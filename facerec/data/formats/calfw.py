"""Cross-Age LFW (Zheng et al., 2017) and Cross-Pose LFW (Zheng and Deng, 2018), from the folders as distributed.

``pairs_CALFW.txt`` and ``pairs_CPLFW.txt`` take two lines a pair, ``image mark``: ``Aaron_Guiel_0001.jpg`` in CALFW,
``Aaron_Guiel_1.jpg`` in CPLFW. Images are flat in ``aligned images``; unaligned ones come in a folder of their own.
"""

import re
from pathlib import Path

from facerec.data.formats.lists import ListPairs

ALIGNED = "aligned images"
NUMBER = re.compile(r"_\d+\.\w+$")


class _CrossLFWPairs(ListPairs):
    """Pairs of people of LFW whom the names of the images tell.

    Args:
        root: folder with the list and the images.
        list_name: of the list.
        images: folder of the images.
    """

    def __init__(self, root: str, list_name: str, images: str | None) -> None:
        super().__init__(images or str(Path(root, ALIGNED)), str(Path(root, list_name)))

    def person(self, path: str) -> str:
        """The name of the image without its number."""
        return NUMBER.sub("", path.rpartition("/")[2])

    def folders(self) -> list[str]:
        """Name of the person on each image, as LFW's folders have it."""
        return [self.person(path) for path in self.paths]

    @property
    def people(self) -> frozenset[str]:
        """Names of the people."""
        return frozenset(self.folders())


class CALFWPairs(_CrossLFWPairs):
    r"""The 6,000 pairs of CALFW: one person at two ages, or two people of the same sex and race.

    The list states the folds of its genuine pairs. facerec cuts the impostor pairs into ten in their order.

    Args:
        root: folder with ``pairs_CALFW.txt``.
        images: folder of the images, by default ``aligned images`` in ``root``.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import CALFWPairs
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "aligned images").mkdir()
        ...     lines = ["Ann_Lee_0001.jpg 1", "Ann_Lee_0002.jpg 1", "Ann_Lee_0001.jpg 0", "Eve_0001.jpg 0"]
        ...     _ = Path(root, "pairs_CALFW.txt").write_text("\n".join(lines))
        ...     pairs = CALFWPairs(root)
        ...     pairs.pairs.tolist(), pairs.subjects.tolist(), sorted(pairs.people)
        ([[0, 1], [0, 2]], [0, 0, 1], ['Ann_Lee', 'Eve'])
    """

    def __init__(self, root: str, images: str | None = None) -> None:
        super().__init__(root, "pairs_CALFW.txt", images)


class CPLFWPairs(_CrossLFWPairs):
    r"""The 6,000 pairs of CPLFW: one person in two poses, or two people of the same sex and race.

    Args:
        root: folder with ``pairs_CPLFW.txt``.
        images: folder of the images, by default ``aligned images`` in ``root``.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, for a malformed line.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import CPLFWPairs
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "aligned images").mkdir()
        ...     lines = ["Ann_Lee_1.jpg 1", "Ann_Lee_2.jpg 1", "Ann_Lee_1.jpg 0", "Eve_1.jpg 0"]
        ...     _ = Path(root, "pairs_CPLFW.txt").write_text("\n".join(lines))
        ...     pairs = CPLFWPairs(root)
        ...     pairs.pairs.tolist(), pairs.same.tolist()
        ([[0, 1], [0, 2]], [True, False])
    """

    def __init__(self, root: str, images: str | None = None) -> None:
        super().__init__(root, "pairs_CPLFW.txt", images)
