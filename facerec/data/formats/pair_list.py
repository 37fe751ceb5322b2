"""A list of pairs in either form that people hand out: ``image image 1``, or LFW's ``person i j``."""

from itertools import islice

from facerec.data.formats.lfw import LFWPairs
from facerec.data.formats.lists import PAIR_LINE, ListPairs
from facerec.data.formats.pairs import FilePairs
from facerec.data.formats.rows import read_rows

LOOKED_AT = 20_000  # lines: LFW's first pair of two people comes after 300, RFW's after 300


def pair_list(pairs_file: str, images: str = ".", extension: str | None = None) -> FilePairs:
    r"""The pairs of a list, by its form. A line of four columns is LFW's ``person i person j``.

    Args:
        pairs_file: the list.
        images: folder that the names are relative to.
        extension: of LFW's images, if there are no files to look at.

    Raises:
        FileNotFoundError: if there is no such list.
        ValueError: naming file and line, for another number of columns.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     _ = Path(root, "pairs.txt").write_text("a.png b.png 1\na.png c.png 0\n")
        ...     _ = Path(root, "lfw.txt").write_text("Ann\t1\t2\nAnn\t1\tBob\t1\n")
        ...     for name in ("pairs.txt", "lfw.txt"):
        ...         source = pair_list(f"{root}/{name}", root, ".jpg")
        ...         print(type(source).__name__, [source.paths.relative(row) for row in source.pairs[0]])
        ListPairs ['a.png', 'b.png']
        LFWPairs ['Ann/Ann_0001.jpg', 'Ann/Ann_0002.jpg']
    """
    rows = islice(read_rows(pairs_file, (1, 2, 3, 4), PAIR_LINE), LOOKED_AT)
    if any(len(row) == 4 for _, row in rows):
        return LFWPairs(images, pairs_file, extension)
    return ListPairs(images, pairs_file)
