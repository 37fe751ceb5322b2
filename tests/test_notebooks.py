"""Every notebook runs from top to bottom at a small size, shows figures, and is kept without its outputs."""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import SMALL

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_FUNCTION = 6  # lines; a longer one belongs into the library
EPOCHS = re.compile(r"^(?P<knob>epochs|EPOCHS) = \d+  #", flags=re.M)
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_cell(code: str, names: dict[str, object]) -> object:
    """Run a cell as Jupyter does: its value is that of an expression at its end, unless a semicolon follows."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";") else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last is not None else None


@every_notebook
def test_it_runs_and_shows_figures(path, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    small = ", ".join(repr(setting) for setting in SMALL if "check_val" not in setting)
    names: dict[str, object] = {"__name__": "__main__"}
    pictures = 0
    for code in code_cells(path):
        code = EPOCHS.sub(r"\g<knob> = 2  #", code).replace("*settings]", f"*settings, {small}]")
        shown = getattr(run_cell(code, names), "_repr_png_", bytes)()
        assert not shown or shown.startswith(b"\x89PNG")
        pictures += bool(shown)
    assert pictures >= 1


@every_notebook
def test_it_is_kept_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@every_notebook
def test_its_functions_are_short_and_its_size_is_a_knob(path):
    for code in code_cells(path):
        for node in ast.walk(ast.parse(code)):
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            assert not is_function or node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name
    first = code_cells(path)[0]
    assert EPOCHS.search(first) or 'main(["fit"' not in path.read_text(encoding="utf-8")
    assert re.search(r"^\w+ = .+  # ", first, flags=re.M)


@every_notebook
def test_the_table_names_it(path):
    assert f"[{path.stem}]({path.name})" in (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 7
