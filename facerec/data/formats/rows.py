"""Lines of the text files that name images, and what may stand in their columns."""

import csv
import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from facerec.data.images import has_image_suffix

NAME_OF_A_COLUMN = re.compile(r"[A-Za-z_][\w ]*")  # no suffix of an image, no path, no number
COUNT = re.compile(r"\s*[0-9]+\s*")


def read_rows(path: str | Path, columns: tuple[int, ...], expected: str) -> Iterator[tuple[int, list[str]]]:
    """Lines of a list, split into columns: at tabs if there are any, else at spaces or commas.

    A ``.csv`` is split at commas. So is a line of another list, unless spaces split it into the due number of columns.
    Passed over are blank lines, a first line of names of columns, and CelebA's number of images above it. A list of one
    column is not split, so its names may hold spaces.

    Args:
        path: text file in UTF-8, with or without byte order mark, with any line ends.
        columns: allowed numbers of columns.
        expected: what a line looks like, for the message.

    Yields:
        Line number from 1, and the columns.

    Raises:
        FileNotFoundError: for a missing file.
        ValueError: naming the file, if it cannot be read or is not UTF-8; naming file and line, for another number of
            columns.
    """
    yield from split_rows(_read_lines(path, expected), str(path), columns, expected)


def line_number(path: str | Path, row: int) -> int:
    """Number, from 1, of the line that holds a row of :func:`read_rows`, which count from 0."""
    lines = _read_lines(path, "")
    first = _first_line(lines, (0,))
    numbers = (number for number, line in enumerate(lines, start=1) if line.strip() and number > first)
    return next(islice(numbers, row, None))


def _read_lines(path: str | Path, expected: str) -> list[str]:
    try:
        # Not splitlines(), for which a line ends at characters that a file's name may hold
        return Path(path).read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise FileNotFoundError(f"no list {path}: expected lines '{expected}'") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): expected lines '{expected}'") from error


def split_rows(
    lines: Iterable[str], origin: str, columns: tuple[int, ...], expected: str
) -> Iterator[tuple[int, list[str]]]:
    r"""Lines of any origin, split as :func:`read_rows` does; messages call the origin by ``origin``.

    Raises:
        ValueError: naming origin and line, for another number of columns.

    Example:
        >>> list(split_rows(["a.png 3", "", "b c.png\t7"], "labels.txt", (2,), "image label"))
        [(1, ['a.png', '3']), (3, ['b c.png', '7'])]
    """
    lines = list(lines)
    first, is_csv = _first_line(lines, columns), origin.lower().endswith(".csv")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or number <= first:
            continue
        row = [column.strip() for column in _columns(line, columns, is_csv)]
        if len(row) not in columns or not all(row):
            hint = "; names with spaces need tabs between the columns" if len(row) > max(columns) else ""
            raise ValueError(f"{origin}:{number}: expected '{expected}', got {line!r}{hint}")
        yield number, row


def _columns(line: str, columns: tuple[int, ...], is_csv: bool) -> list[str]:
    if columns == (1,):
        return [line]
    if "\t" in line:
        return line.split("\t")
    if "," not in line:
        return line.split()
    spaced, tabled = line.split(), _at_commas(line)
    is_spaced = len(spaced) > 1 and len(spaced) in columns and not (_is_file(tabled) and not _is_file(spaced))
    return spaced if is_spaced and not is_csv else tabled


def _is_file(cells: list[str]) -> bool:
    """Whether the first cell ends as the name of an image does."""
    return bool(cells) and has_image_suffix(posixpath.splitext(cells[0])[1])


def _at_commas(line: str) -> list[str]:
    """The cells of a line of a table, without empty ones at its end."""
    cells = next(csv.reader([line.strip()], skipinitialspace=True))
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _first_line(lines: list[str], columns: tuple[int, ...]) -> int:
    """Number of lines above the first that names an image: 0 without names of columns."""
    if columns == (1,):
        return 0
    shown = [(number, line) for number, line in enumerate(islice(lines, 20), start=1) if line.strip()][:3]
    if len(shown) > 2 and 1 not in columns and COUNT.fullmatch(shown[0][1]) and _names_columns(shown[1][1].split()):
        return shown[1][0]
    tabled = [_at_commas(line) for _, line in shown[:2] if "," in line]
    if len(tabled) > 1 and _names_columns(tabled[0]) and not _names_columns(tabled[1]):
        return shown[0][0]
    return 0


def _names_columns(cells: list[str]) -> bool:
    return len(cells) > 1 and all(NAME_OF_A_COLUMN.fullmatch(cell.strip()) for cell in cells)


def image_folder(folder: str, list_file: str) -> Path:
    """The folder of the images that a list names.

    Raises:
        FileNotFoundError: naming the folder and the list, if there is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder}, which holds the images of {list_file}")
    return Path(folder)


def inside(root: Path, relative: str, origin: str) -> str:
    """The path of an image without detours (``a//./b``), so that one file has one name.

    Raises:
        ValueError: for an absolute path, or one that leaves the root through ``..``: no list is trusted.
    """
    # half a million paths: take apart only those that could
    suspicious = relative.startswith(("/", "\\")) or ".." in relative or ":" in relative
    if suspicious and (Path(relative).is_absolute() or ".." in Path(relative).parts):
        raise ValueError(f"{origin}: {relative!r} leaves the folder of images {root}: give a path below it")
    return posixpath.normpath(relative) if "./" in relative or "//" in relative else relative


def whole_number(label: str, origin: str, expected: str) -> int:
    """The label of an image.

    Raises:
        ValueError: unless it is a whole number from 0 that fits in 64 bits.
    """
    if not label.isascii() or not label.isdigit() or int(label) >= 2**63:
        raise ValueError(f"{origin}: label {label!r} is not a whole number from 0; expected '{expected}'")
    return int(label)


def add_once(line_of: dict[str, int], image: str, line: int, origin: str) -> None:
    """Note the line of an image.

    Raises:
        ValueError: if an earlier line names the same image.
    """
    if image in line_of:
        raise ValueError(f"{origin}: {image!r} is listed already on line {line_of[image]}")
    line_of[image] = line
