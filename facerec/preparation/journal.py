"""What an interrupted run has found out, so that the next one goes on from there."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

VERSION = 1


class Journal:
    """A file of one JSON line for each entry, only ever added to: a killed run loses at most its last lines.

    A line that a killed run left half written is passed over, and a journal of another version is begun anew.

    Args:
        path: of the file; it is created with its folder.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._entries: dict[str, list[Any]] = {}
        header = json.dumps({"facerec inspect journal": VERSION})
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        is_ours = bool(lines) and lines[0] == header
        for line in lines[1:] if is_ours else []:
            entry = _entry(line)
            if entry is not None:
                self._entries[entry[0]] = entry[1]
        self._file = path.open("a" if is_ours else "w", encoding="utf-8")
        if not is_ours:
            self._file.write(header + "\n")
        elif lines[-1]:
            self._file.write("\n")  # end the line that was cut off

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> list[Any] | None:
        """The entry of a key, if there is one."""
        return self._entries.get(key)

    def add(self, key: str, entry: list[Any]) -> None:
        """Add an entry."""
        self._entries[key] = entry
        self._file.write(json.dumps([key, entry]) + "\n")

    def flush(self) -> None:
        """Hand what was added to the operating system."""
        self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _entry(line: str) -> tuple[str, list[Any]] | None:
    try:
        key, entry = json.loads(line)
    except (json.JSONDecodeError, ValueError, TypeError):
        return None
    return (key, entry) if isinstance(key, str) and isinstance(entry, list) else None
