"""Images named by a user: a file, a folder, a list, standard input."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.folders import images_below
from facerec.data.formats.rows import split_rows
from facerec.data.images import MORE_SUFFIXES, has_image_suffix, read_image
from facerec.data.sources import Images, ImageSource, PairSource
from facerec.data.unread import unread_hint, unread_in

STDIN = "-"
NAMED_LINE = "image name"
PAIR_LINE = "image image (a third column is ignored)"


class ImageFiles(Images):
    """Image files by path.

    Args:
        names: paths, and names of the images in the results.
        root: folder that relative paths start from.
        folders: folders whose images these are, all of them.
    """

    def __init__(self, names: Sequence[str], root: str | Path = "", folders: Sequence[Path] = ()) -> None:
        self.names = list(names)
        self.root = Path(root)
        self.folders_taken = list(folders)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        return read_image(self.root / self.names[index])

    def name(self, index: int) -> str:
        """Its path, as given."""
        return self.names[index]

    def unread(self) -> list[str]:
        """A sentence for each kind of file in the folders that looks like an image and is not read."""
        return unread_in(*self.folders_taken)


class NamedFiles(ImageFiles, ImageSource):
    """Image files of people, by a list.

    Args:
        source: text file with lines ``image name``, or ``-`` for such lines on standard input.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming a line with another number of columns, or if there are no lines.
    """

    def __init__(self, source: str) -> None:
        rows = [row for _, row in split_rows(read_lines(source), _called(source), (2,), NAMED_LINE)]
        if not rows:
            raise ValueError(f"{_called(source)} names nobody: expected lines '{NAMED_LINE}'")
        super().__init__([image for image, _ in rows])
        self._identities, labels_N = np.unique([name for _, name in rows], return_inverse=True)
        self._labels_N = labels_N.astype(np.int64)

    @property
    def identities(self) -> list[str]:
        """Names of the people; the index is the class."""
        return [str(name) for name in self._identities]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image (N,)."""
        return self._labels_N


class PairFiles(ImageFiles, PairSource):
    """Pairs of image files by path. Each file is read once, however many pairs it is in.

    Args:
        pairs: two paths of each pair.
        root: folder that relative paths start from.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], root: str | Path = "") -> None:
        place: dict[str, int] = {}
        self._pairs = np.array(
            [[place.setdefault(name, len(place)) for name in pair] for pair in pairs], dtype=np.int64
        ).reshape(-1, 2)
        super().__init__(list(place), root)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """Image indices (P, 2) of each pair."""
        return self._pairs

    @property
    def same(self) -> None:
        """None: unknown."""
        return None


def find_images(inputs: Sequence[str]) -> ImageFiles:
    """The images in any mixture of files, folders, lists and standard input.

    Args:
        inputs: image files; folders, for all images below them, sorted by path; text files with one path on each line;
            or ``-`` for such lines on standard input.

    Raises:
        FileNotFoundError: if there is no such folder or list. An image file is looked for when it is read.
        ValueError: if a list is not UTF-8 text, or there are no images.
    """
    names = [name for entry in inputs for name in _names_in(entry)]
    folders = [Path(entry) for entry in inputs if entry != STDIN and Path(entry).is_dir()]
    if not names:
        unread = "".join(map(unread_hint, folders))
        raise ValueError(
            f"no images in {' '.join(inputs) or 'nothing'}: give image files, a folder, a list or -{unread}"
        )
    return ImageFiles(names, folders=folders)


def _names_in(entry: str) -> list[str]:
    path = Path(entry)
    if entry != STDIN and path.is_dir():
        return [str(path / name) for name in images_below(path)]
    if entry != STDIN and (has_image_suffix(path.suffix) or path.suffix.lower() in MORE_SUFFIXES):
        return [entry]  # a missing one is one bad image among others
    return [line.strip() for line in read_lines(entry) if line.strip()]


def read_pairs(source: str, root: str | Path = "") -> PairFiles:
    """The pairs in a list of lines ``image image``, or on standard input for ``-``.

    Raises:
        FileNotFoundError: if there is no such list.
        ValueError: naming a line with another number of columns, or if there are no lines.
    """
    rows = split_rows(read_lines(source), _called(source), (2, 3), PAIR_LINE)
    pairs = PairFiles([(row[0], row[1]) for _, row in rows], root)
    if not len(pairs):
        raise ValueError(f"{_called(source)} names no pairs: expected lines '{PAIR_LINE}'")
    return pairs


def read_lines(source: str) -> list[str]:
    """The lines of a text file, or of standard input for ``-``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not UTF-8.
    """
    if source == STDIN:
        return sys.stdin.read().splitlines()
    try:
        return Path(source).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"no file, folder or list {source}") from None
    except OSError as error:
        raise ValueError(f"{source} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is neither an image by its name nor a list in UTF-8 ({error})") from error


def _called(source: str) -> str:
    return "standard input" if source == STDIN else source
