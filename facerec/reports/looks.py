"""How often a run has looked at test people: each look tempts one to choose by them, and then their EER is too low."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from facerec.files import write_whole
from facerec.plain_text import read_json

LOOKS = "test_looks.json"
FORMAT = 1


class Looks(NamedTuple):
    """Looks at one set of test pairs.

    Attributes:
        own: by a run.
        all_runs: by all runs of its experiment.
        runs: number of runs of the experiment that have looked at any test people.
    """

    own: int
    all_runs: int
    runs: int


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


def looked_at(run: Path) -> dict[str, str]:
    """The sets of test pairs that a run has looked at: name of each by its fingerprint.

    Args:
        run: its folder.
    """
    return {fingerprint: found["name"] for fingerprint, found in _read(run).items()}


def looks_at(run: Path, fingerprint: str) -> Looks:
    """Looks of a run, and of all runs of its experiment, at one set of test pairs.

    Args:
        run: its folder, which lies in that of the experiment.
        fingerprint: of the set.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for version in (0, 1, 1):
        ...         Path(folder, f"version_{version}").mkdir(exist_ok=True)
        ...         count_look(Path(folder, f"version_{version}"), {"orl": "3f2a"})
        ...     looks_at(Path(folder, "version_1"), "3f2a")
        Looks(own=2, all_runs=3, runs=2)
    """
    siblings = [path.parent for path in run.parent.glob(f"*/{LOOKS}")]
    own, all_runs = (sum(_looks(some, fingerprint) for some in runs) for runs in ([run], siblings))
    return Looks(own, all_runs, len(siblings))


def looks_line(run: Path, sets: Mapping[str, str]) -> str:
    """How often this run, and all runs of its experiment, have looked at sets of test pairs.

    Args:
        run: its folder, which lies in that of the experiment.
        sets: fingerprint of each set by its name.
    """
    texts = []
    for name, fingerprint in sets.items():
        own, all_runs, runs = looks_at(run, fingerprint)
        times = "once" if own == 1 else f"{own} times"
        others = f", {all_runs} times by the {runs} runs of {run.parent.name}" if all_runs > own else ""
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
