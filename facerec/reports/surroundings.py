"""Where and with what a run was trained, as its folder says."""

import json
from pathlib import Path

SURROUNDINGS = "surroundings.json"


def read_starts(run: str | Path) -> list[dict[str, str]]:
    """What is known of each start of a run, the first one first; nothing of a run without the file, or with another.

    Example:
        >>> read_starts("runs/nowhere")
        []
    """
    try:
        starts = json.loads(Path(run, SURROUNDINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    are_texts = isinstance(starts, list) and all(isinstance(start, dict) for start in starts)
    return [{str(name): str(value) for name, value in start.items()} for start in starts] if are_texts else []
