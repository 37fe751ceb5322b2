"""A journal of what an interrupted run has done, from which the next run goes on."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from facerec.files import write_whole

FORMAT = "facerec journal 1"


class Journal:
    """A file with one JSON line for each entry. It only grows while a run works.

    The first line names the format and the subject; a file with another first line is begun anew. Every entry goes to
    the operating system at once, so a killed run loses at most the entry it was writing. A line that a kill cut short
    is passed over. A power failure may lose more: check that the work behind an entry is there before you rely on it.

    Args:
        path: of the file. Missing folders are made.
        subject: what the entries are about, such as the settings of the run. Entries of another subject are of no use.

    Attributes:
        entries: all entries in order, of earlier runs and of this one.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with Journal(Path(folder, "squares.journal"), "squares") as journal:
        ...         journal.add("three", 9)  # and here the run is killed
        ...     with Journal(Path(folder, "squares.journal"), "squares") as journal:
        ...         dict(journal.entries)
        {'three': 9}
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path = path
        self._header = json.dumps({"format": FORMAT, "subject": subject}) + "\n"
        self.entries: list[tuple[Any, ...]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._read():
            write_whole(path, self._header)
        self._file = path.open("a", encoding="utf-8", newline="\n", buffering=1)  # each line is written at once
        if self._is_cut_short():
            self._file.write("\n")

    def _read(self) -> bool:
        """Read the entries of earlier runs, if the file is a journal of this subject."""
        if not self._path.is_file():
            return False
        with self._path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            if lines.readline() != self._header:
                return False
            for line in lines:
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):  # cut short, or not ours
                    continue
                if isinstance(entry, list):
                    self.entries.append(tuple(entry))
        return True

    def _is_cut_short(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read() != b"\n"

    def add(self, *entry: Any) -> None:
        """Add an entry of one or more values that JSON can hold."""
        self.entries.append(entry)
        self._file.write(_line(entry))

    def keep(self, count: int) -> None:
        """Keep the first ``count`` entries and remove the others, from the file too."""
        if count == len(self.entries):
            return
        del self.entries[count:]
        self._file.close()
        write_whole(self._path, self._header + "".join(map(_line, self.entries)))
        self._file = self._path.open("a", encoding="utf-8", newline="\n", buffering=1)

    def remove(self) -> None:
        """Remove the file: the work is done."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _line(entry: tuple[Any, ...]) -> str:
    return json.dumps(entry) + "\n"
