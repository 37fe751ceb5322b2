"""Tables of text whose first line names the columns: CSV, found by these names."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def read_table(
    path: str | Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, list[str]]]:
    r"""The named columns of each row of a CSV. Other columns, blank lines and the case of names do not matter.

    Args:
        path: the file, in UTF-8 with or without byte order mark.
        columns: names of the columns. None of their cells is empty.
        optional: names of columns that the file or a cell may lack. They are empty then.

    Yields:
        Number of the line, from 1, and the cells of ``columns``, then of ``optional``.

    Raises:
        FileNotFoundError: for a missing file.
        ValueError: naming file and line: for a missing column, a row of another length or an empty cell.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     file = Path(root, "pairs.csv")
        ...     _ = file.write_text("fold,p1,p2\n1,a.png,b.png\n")
        ...     list(read_table(file, ["p2", "p1"], ["score"]))
        [(2, ['b.png', 'a.png', ''])]
    """
    expected = ",".join(columns)
    if not Path(path).is_file():
        raise FileNotFoundError(f"no table {path}: expected a CSV with the columns {expected}")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            heading = [name.strip().lower() for name in next(reader, [])]
            if missing := [name for name in columns if name.lower() not in heading]:
                raise ValueError(f"{path}:1: no column {missing[0]!r}: the first line must name the columns {expected}")
            places = [heading.index(name.lower()) for name in columns]
            others = [heading.index(name.lower()) if name.lower() in heading else None for name in optional]
            for row in reader:
                if not any(row):
                    continue
                if len(row) != len(heading):
                    raise ValueError(
                        f"{path}:{reader.line_num}: {len(row)} cells, and {len(heading)} columns are named"
                    )
                cells = [row[place].strip() for place in places]
                if not all(cells):
                    raise ValueError(f"{path}:{reader.line_num}: {columns[cells.index('')]!r} is empty")
                yield reader.line_num, cells + ["" if place is None else row[place].strip() for place in others]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV in UTF-8: {error}") from error
