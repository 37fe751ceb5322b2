"""How often a run has looked at test people: each look tempts one to choose by them, and then their EER is too low."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerec.files import write_whole
from facerec.plain_text import read_json

LOOKS = "test_looks.json"
FORMAT = 1


def count_look(run: Path, sets: Mapping[str, str]) -> None:
    """Count one look of a run at some sets of test pairs.

    Args:
        run: its folder.
        sets: fingerprint of each set by its name, see :func:`facerec.data.leaks.fingerprint`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for _ in range(2):
        ...         count_look(Path(folder), {"orl": "3f2a"})
        ...     looks_of(Path(folder))
        {'orl': 2}
    """
    kept = _read(run)
    for name, fingerprint in sets.items():
        before = kept.get(fingerprint, {"looks": 0})
        kept[fingerprint] = {"name": name, "looks": before["looks"] + 1}
    write_whole(run / LOOKS, json.dumps({"format": FORMAT, "sets": kept}, indent=2) + "\n")


def looks_of(run: Path) -> dict[str, int]:
    """Looks of a run at each set of test pairs, by its name.

    Args:
        run: its folder.
    """
    looks: dict[str, int] = {}
    for found in _read(run).values():
        looks[found["name"]] = looks.get(found["name"], 0) + found["looks"]
    return looks


def looks_line(run: Path, sets: Mapping[str, str]) -> str:
    """How often this run, and all runs of its experiment, have looked at sets of test pairs.

    Args:
        run: its folder, which lies in that of the experiment.
        sets: fingerprint of each set by its name.
    """
    siblings = [path.parent for path in run.parent.glob(f"*/{LOOKS}")]
    texts = []
    for name, fingerprint in sets.items():
        own, all_runs = (sum(_looks(some, fingerprint) for some in runs) for runs in ([run], siblings))
        times = "once" if own == 1 else f"{own} times"
        others = f", {all_runs} times by the {len(siblings)} runs of {run.parent.name}" if all_runs > own else ""
        texts.append(f"{name} {times}{others}")
    return f"test people looked at by this run: {'; '.join(texts)}"


def _looks(run: Path, fingerprint: str) -> int:
    return int(_read(run).get(fingerprint, {"looks": 0})["looks"])


def _read(run: Path) -> dict[str, Any]:
    """What is kept, by fingerprint; nothing where there is no file.

    Raises:
        ValueError: if the file is damaged.
    """
    path = run / LOOKS
    if not path.is_file():
        return {}
    kept = read_json(path.read_text(encoding="utf-8"), path)
    sets = kept.get("sets") if isinstance(kept, dict) else None
    if not isinstance(sets, dict) or not all(_is_count(found) for found in sets.values()):
        raise ValueError(f"{path} is damaged: it counts looks at test people. Remove it, and counting begins anew")
    return dict(sets)


def _is_count(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("name"), str) and isinstance(found.get("looks"), int)
