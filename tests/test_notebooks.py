"""Every notebook runs from top to bottom."""

import json
from pathlib import Path

import pytest

from tests.conftest import SMALL

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert '"--trainer.enable_progress_bar=false", ' in code
    small = ", ".join(repr(setting) for setting in SMALL if "check_val" not in setting)
    exec(compile(code.replace("*settings]", f"*settings, {small}]"), str(path), "exec"), {})


def test_there_is_a_notebook():
    assert NOTEBOOKS
