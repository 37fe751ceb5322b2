"""The floors of the house: which rooms of facerec a room may import. No arrow runs up, so there are no circles."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import facerec

HOUSE = Path(facerec.__file__).parent

GROUND = {
    "settings",
    "files",
    "archives",
    "trust",
    "plain_text",
    "machine",
    "threads",
    "memory",
    "arrays",
    "lightning_private",
    "clipping",
    "model_folders",
    "float32",
    "flip_test",
    "compilation",
}
PARTS = {"transforms", "align", "optim", "backbones", "metrics", "losses"}
MIDDLE = {"data", "checkpoints", "run_folders", "reports", "recognizer"}

# From the ground up: a room imports only rooms written above it.
MAY_IMPORT: dict[str, set[str]] = {
    "settings": set(),
    "files": set(),
    "archives": set(),
    "trust": set(),
    "plain_text": set(),
    "machine": set(),
    "threads": {"settings"},
    "memory": set(),
    "arrays": set(),
    "float32": set(),
    "flip_test": set(),
    "compilation": set(),
    "lightning_private": set(),
    "clipping": {"settings"},
    "journal": {"files"},
    "model_folders": {"files"},
    "transforms": {"settings", "compilation"},
    "align": {"settings", "files", "plain_text", "transforms"},
    "backbones": {"settings", "arrays"},
    "optim": {"settings", "backbones"},
    "metrics": {"settings", "threads", "arrays"},
    "losses": {"settings", "machine", "compilation", "metrics"},
    "data": GROUND | {"align", "transforms"},
    "checkpoints": GROUND | {"align", "transforms", "metrics"},
    "run_folders": {"checkpoints", "model_folders"},
    "inspection": GROUND | {"journal", "align", "transforms", "data"},
    "preparation": GROUND | {"journal", "align", "transforms", "data", "inspection"},
    "reports": GROUND | {"align", "transforms", "metrics", "data", "checkpoints", "run_folders"},
    "sweeps": GROUND | {"metrics", "data", "checkpoints", "run_folders", "reports"},
    "processes": {"lightning_private", "losses"},
    "recognizer": GROUND | PARTS | {"processes", "data", "checkpoints", "reports"},
    "callbacks": GROUND | PARTS | MIDDLE,
    "inference": GROUND | PARTS | MIDDLE,
    "plots": GROUND | {"backbones", "metrics", "losses", "data", "reports", "inference"},
    "pages": GROUND | {"metrics", "data", "checkpoints", "run_folders", "reports", "plots"},
    "checkup": GROUND | PARTS | {"data", "recognizer"},
    "cli": GROUND
    | PARTS
    | MIDDLE
    | {"preparation", "inspection", "callbacks", "inference", "plots", "pages", "checkup", "sweeps"},
    "__main__": {"cli"},
}


def files_of(room: str) -> list[Path]:
    return [HOUSE / f"{room}.py"] if (HOUSE / f"{room}.py").is_file() else sorted((HOUSE / room).rglob("*.py"))


def imports_of(file: Path) -> Iterator[tuple[str, int]]:
    """Rooms that a file imports, in functions too, and the lines where it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} is relative: name the room"
            names = [node.module or ""]
            if node.module == "facerec":
                names = [f"facerec.{alias.name}" for alias in node.names if alias.name != "__version__"]
        else:
            continue
        for name in names:
            if name.startswith("facerec."):
                yield name.split(".")[1], node.lineno


def arrows(room: str) -> dict[str, str]:
    """The other rooms that a room imports, each with one place where it does."""
    found = {other: f"{file.relative_to(HOUSE)}:{line}" for file in files_of(room) for other, line in imports_of(file)}
    return {other: place for other, place in found.items() if other != room}


def test_every_room_has_its_floor():
    entries = {path.stem for path in HOUSE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert entries - {"__init__"} <= MAY_IMPORT.keys(), "say in MAY_IMPORT what the new room may import"
    assert [room for room in MAY_IMPORT if files_of(room)], "no rooms are found"


def test_the_floors_have_no_circle():
    rooms = list(MAY_IMPORT)
    for place, room in enumerate(rooms):
        assert MAY_IMPORT[room] <= set(rooms[:place]), f"{room} may import a room that is not below it"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below(room):
    up = {other: place for other, place in arrows(room).items() if other not in MAY_IMPORT[room]}
    assert not up, f"{room} must not import {', '.join(f'{other} ({place})' for other, place in up.items())}"


def test_align_knows_nothing_of_data():
    assert "transforms" in arrows("align"), "the imports are not found"
    assert "data" not in arrows("align")


def test_imports_inside_functions_are_seen(tmp_path):
    (tmp_path / "x.py").write_text(
        "import facerec.data.images as i\n"
        "from facerec import __version__, files\n"
        "def f():\n"
        "    from facerec.cli import main\n"
        "import facerecognition\n"
    )
    assert sorted(imports_of(tmp_path / "x.py")) == [("cli", 4), ("data", 1), ("files", 2)]
