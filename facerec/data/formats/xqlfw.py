"""Cross-Quality LFW (Knoche, Hörmann and Rigoll, FG 2021), from the files as distributed.

``xqlfw_pairs.txt`` is a list in LFW's format, of ten folds. The images are LFW's, some of them degraded, one folder for
each person: ``xqlfw_aligned_112``, or unaligned ``lfw_original_imgs_min_qual0.85variant11``. ``xqlfw_scores.txt`` holds
the quality of each image, under the heading ``ID Num Score``. ``facerec test`` keeps it where it lies beside the list.
"""

from pathlib import Path

from facerec.data.formats.lfw import LFWPairs

FOLDERS = ("xqlfw_aligned_112", "lfw_original_imgs_min_qual0.85variant11")


class XQLFWPairs(LFWPairs):
    r"""The 6,000 pairs of XQLFW: images of unequal quality, in ten folds.

    Args:
        root: folder with ``xqlfw_pairs.txt``.
        images: folder of the people, by default ``xqlfw_aligned_112`` in ``root``, or else the unaligned one.

    Raises:
        FileNotFoundError: when read, for a missing list or folder; by ``check``, for a missing image.
        ValueError: when read, naming file and line, see :class:`LFWPairs`.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from facerec.data import XQLFWPairs
        >>> with TemporaryDirectory() as root:
        ...     Path(root, "xqlfw_aligned_112", "Ann").mkdir(parents=True)
        ...     _ = Path(root, "xqlfw_aligned_112", "Ann", "Ann_0001.jpg").touch()
        ...     _ = Path(root, "xqlfw_pairs.txt").write_text("Ann\t1\t2\nAnn\t1\tBob\t1\n")
        ...     XQLFWPairs(root).same.tolist()
        [True, False]
    """

    def __init__(self, root: str, images: str | None = None) -> None:
        folders = [str(Path(root, name)) for name in FOLDERS]
        found = next((folder for folder in folders if Path(folder).is_dir()), folders[0])
        super().__init__(images or found, str(Path(root, "xqlfw_pairs.txt")))
        self.root = root

    @property
    def qualities(self) -> str | None:
        """``xqlfw_scores.txt``, if it is there."""
        path = Path(self.root, "xqlfw_scores.txt")
        return str(path) if path.is_file() else None
