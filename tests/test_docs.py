"""The pages of docs/: all are in the site, and their commands, settings, errors and Python are true."""

import re
import shlex
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from facerec import __version__
from facerec.cli import TOOLS
from facerec.cli.configuration import check_settings
from facerec.plain_text import read_yaml
from facerec.sweeps.definition import read_sweep
from facerec.sweeps.space import edges
from tests.cli.conftest import run
from tests.conftest import save_face
from tests.test_readme import README, ROOT, blocks

PAGES = sorted(ROOT.glob("docs/**/*.md"))
TEXTS = {str(path.relative_to(ROOT / "docs")): path.read_text(encoding="utf-8") for path in PAGES}
RUN, CONFIG = "runs/orl_resnet18_arcface", "experiments/orl_resnet18_arcface.yaml"
SETTINGS = {"data", "model", "trainer", "average"}  # what a page's YAML is about, if it is a part of a configuration


def with_blocks(language: str) -> list[str]:
    return [page for page, text in TEXTS.items() if blocks(text, language)]


def commands(text: str) -> list[tuple[str, ...]]:
    """Words of each command that a page shows, without comments."""
    lines = "".join(blocks(text, "bash")).splitlines()
    return [tuple(shlex.split(line, comments=True)[1:]) for line in lines if line.startswith("facerec ")]


COMMANDS = sorted({command for text in TEXTS.values() for command in commands(text)})


@pytest.fixture
def desk(orl_run, tmp_path, monkeypatch):
    """A working folder with what the pages speak of."""
    shutil.copytree(orl_run.parents[1], tmp_path / "runs")
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    for person in range(1, 9):
        for image in (1, 2, 3):
            save_face(person, image, Path(f"PEOPLE/s{person}/{image}.jpg"))
    save_face(1, 1, Path("A.jpg"))
    save_face(1, 2, Path("B.jpg"))
    Path("page.jpg").write_text("<html>")
    Path("marks.txt").write_text("s1/1.jpg s1/2.jpg 1\ns1/1.jpg s2/2.jpg maybe\n")
    Path("theirs.csv").write_text("score,same,model\n0.9,1,x\n0.1,0,x\n")
    Path("empty").mkdir()
    Path("backbone.pth").touch()
    Path("model.safetensors").touch()


def test_the_site_has_every_page():
    site = yaml.safe_load((ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"'([^']+\.md)'", str(site["nav"])))
    assert not [page for page in named if not (ROOT / page).is_file()]
    rooms = {str(path.relative_to(ROOT)) for path in (ROOT / "facerec").rglob("README.md")}
    left_out = ({f"docs/{page}" for page in TEXTS} | rooms) - named
    assert not left_out, "name it under nav in docs/mkdocs.yml"


def test_the_citation_is_of_this_version_and_its_authors():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_explained_table_is_that_of_the_readme():
    bold = re.findall(r"^\*\*(.+?)\*\*", TEXTS["numbers.md"], flags=re.M)
    numbers = re.findall(r"\d+(?:\.\d+)?%?", " ".join(bold))
    assert len(numbers) > 20
    assert not [number for number in numbers if number not in README]


@pytest.mark.parametrize("page", ["losses.md", "your-data.md", "fine-tuning.md"])
def test_error_rates_are_those_of_the_experiments(page):
    experiments = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    rates = re.findall(r"\d+\.\d(?= %| to)|(?<=to )\d+\.\d", TEXTS[page])
    assert rates
    assert not [rate for rate in rates if rate not in experiments]


def test_tools_take_the_options_of_the_pages():
    for command, *words in COMMANDS:
        if command in TOOLS:
            import_module(f"facerec.cli.{command}").make_parser().parse_args(words)


def test_settings_of_the_pages_parse_with_their_values(desk):
    for command, *words in COMMANDS:
        if command not in TOOLS:
            parse(command, words)


def stand_in(word: str) -> str:
    """What there is on the desk in place of a reader's own configuration or run."""
    if word == "CONFIG" or (word.startswith("runs/") and word.endswith(".yaml")):
        return CONFIG
    return RUN if word == "CKPT" or word.startswith("runs/") else word


def parse(command: str, words: Sequence[str]) -> None:
    """Let a command that trains or measures read its settings, and stop there."""
    asks_help = any(word.endswith(".help") for word in words)
    assert run(command, *map(stand_in, words), *([] if asks_help else ["--print_config"])) == 0, words


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_yaml_is_read_as_settings(page, desk):
    for text in blocks(TEXTS[page], "yaml"):
        if not SETTINGS & read_yaml(text, page).keys():
            continue  # of a sweep, see below
        Path("page.yaml").write_text(text)
        parse("fit", ["--config", CONFIG, "--config", "page.yaml"])


def test_a_whole_sweep_is_one_that_can_be_run(desk):
    """Each trial that a page's sweep tries has settings that ``facerec fit`` takes."""
    base = read_yaml(Path(CONFIG).read_text(encoding="utf-8"), CONFIG)
    sweeps = [
        given
        for text in TEXTS.values()
        for block in blocks(text, "yaml")
        if "search" in (given := read_yaml(block, "page"))
    ]
    assert sweeps
    for given in sweeps:
        given.pop("config", None)
        sweep = read_sweep(given, "page", base)
        for point in edges(sweep.space):
            check_settings(sweep.settings(point))


@pytest.mark.parametrize("page", with_blocks("console"))
def test_examples_of_errors_are_what_is_printed(page, desk, capsys):
    for text in blocks(TEXTS[page], "console"):
        for example in text.split("$ facerec ")[1:]:
            command, *printed = example.splitlines()
            assert run(*shlex.split(command)) == 2, command
            lines = capsys.readouterr().err.splitlines()
            assert printed
            assert not [line for line in printed if line not in lines], (command, lines)


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_runs(page, desk, capsys):
    names: dict[str, object] = {}
    for block in blocks(TEXTS[page], "python"):
        exec(compile(block, page, "exec"), names)


def test_the_first_page_does_what_it_says(desk, capsys):
    """Its commands in their order; the training is the one that is on the desk already."""
    quick = {"inspect": ["--workers=0"], "test": ["--trainer.enable_progress_bar=false"]}
    for command, *words in commands(TEXTS["start.md"]):
        if command != "fit":
            status = run(command, *words, *quick.get(command, []))
            assert status == 0 or (command, status) == ("verify", 1), command
    assert Path("runs/orl_resnet18_arcface/version_0/test/metrics.json").is_file()
    out = capsys.readouterr().out
    assert "TAR at FAR 0.01" in out
    assert "decision" in out
