"""What the documents say exists: links, files, commands with their options, and Python that runs."""

import re
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from facerec.cli import COMMANDS, TOOLS, USAGE, main
from tests.conftest import save_face

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "facerec").rglob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "experiments").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "notebooks").glob("*.md"),
]
READMES = [document for document in DOCUMENTS if ROOT / "docs" not in document.parents]  # test_docs.py has the others
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def commands(text: str) -> list[list[str]]:
    """Words of each line of a shell block that calls facerec, without comments."""
    lines = (line.partition("#")[0] for block in blocks(text, "bash") for line in block.splitlines())
    return [line.split() for line in lines if line.startswith("facerec ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        assert target.startswith("http") or (document.parent / target).exists(), target


@pytest.mark.parametrize("document", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_their_options_exist(document, capsys):
    told = commands(document.read_text(encoding="utf-8"))
    options: dict[str, set[str]] = {}
    for _, command, *words in told:
        if command.startswith("--"):
            assert command in USAGE
            continue
        assert command in COMMANDS
        if command not in options:
            options[command] = known_options(command, capsys)
        for word in words:
            name = word.partition("=")[0]
            assert not name.startswith("--") or name in options[command] | {"--print_config"}, f"{command} {name}"
            assert not name.startswith("experiments/") or (ROOT / name).is_file(), name


def known_options(command, capsys):
    if command in TOOLS:
        actions = import_module(f"facerec.cli.{command}").make_parser()._actions
        return {option for action in actions for option in action.option_strings}
    with pytest.raises(SystemExit):
        main([command, "--help_all"])
    return set(re.findall(r"--[\w.]+", capsys.readouterr().out))


def test_the_tree_of_the_house_names_what_there_is():
    tree = next(block for block in blocks(README, "text") if "pyproject.toml" in block)
    folder, named = ROOT, set()
    for line in tree.splitlines():
        names = re.split(r" {2,}", line.strip())[0]
        folder = ROOT / "facerec" if line.startswith("  ") else ROOT
        for name in re.findall(r"[\w.]+/?", names):
            assert (folder / name).exists(), name
            named.add(name.rstrip("/"))
    rooms = {
        path.name for path in (ROOT / "facerec").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__.py", "__main__.py"} <= named


def test_the_python_of_the_readme_runs(orl_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(orl_run.parents[1], "runs")
    save_face(1, 1, Path("A.jpg"))
    save_face(1, 2, Path("B.jpg"))
    scores, same = np.linspace(-0.2, 0.9, 40), np.arange(40) >= 20
    names = {"scores": scores, "same": same, "loader": [(torch.randn(2, 3, 112, 112), torch.tensor([0, 99]))]}
    for block in blocks(README, "python"):
        exec(compile(block, "README.md", "exec"), names)
    out = capsys.readouterr().out
    assert re.search(r"^-?\d\.\d+ (True|False)$", out, flags=re.M)
    assert "95% by pair" in out
