"""The page of recipes: its numbers are those of the YAMLs, by its formulas, and its commands are those of the files."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from torch import nn

from facerec.cli.configuration import recognizer
from tests.cli.conftest import run

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
LIMIT = 30_000_000  # of the course, classifier included


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recipes", ROOT / "benchmarks" / "recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECIPES = load_script()
NAMES = list(RECIPES.RECIPES)


@pytest.fixture(scope="module")
def recipes():
    return {name: RECIPES.Recipe(name, data) for name, data in RECIPES.RECIPES.items()}


def page_row(name: str) -> list[str]:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| [{name}]")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_numbers_of_the_script(name, recipes):
    cells = recipes[name].row()
    row = page_row(name)
    assert row[: len(cells)] == cells
    assert re.fullmatch(r"\d+ GB", row[len(cells)])
    assert len(row) == len(cells) + 2, "the memory, and the published numbers"


def test_every_experiment_that_needs_more_than_a_cpu_is_on_the_page():
    needs_data = [
        path.stem
        for path in (ROOT / "experiments").glob("*.yaml")
        if "train" not in yaml.safe_load(path.read_text())["data"]
    ]
    assert set(NAMES) == {name for name in needs_data if not name.startswith("lfw")}


def multiply_adds_by_hand(network: nn.Module, side: int) -> int:
    """Of convolutions and linear layers, from the sizes of what they give."""
    found = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal found
        inputs = layer.weight[0].numel()  # type: ignore[index]
        found += inputs * output[0].numel()

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.device("meta"):
        network.eval()(torch.zeros(1, 3, side, side))
    return found


def test_the_formulas_of_the_page():
    """Those of the page, from counts of another kind."""
    recipe = RECIPES.Recipe("ms1mv3_mobilefacenet_arcface", RECIPES.MS1MV3)
    with torch.device("meta"):
        model = recognizer(recipe.settings, 93_431)
    forward, classifier = multiply_adds_by_hand(model.backbone, 112), 93_431 * 512
    flops = 2 * 3 * (forward + classifier) * 5_179_510 * 40
    assert recipe.flops == flops
    assert recipe.hours(312e12, 0.15) == pytest.approx(flops / 312e12 / 0.15 / 3600)


def test_the_memory_of_the_page():
    """The weights and logits of docs/scale.md, and for each image what a forward pass keeps."""
    recipe = RECIPES.Recipe("ms1mv3_mobilefacenet_arcface", RECIPES.MS1MV3)
    memory = recipe.memory()
    weights, logits = 16 * (recipe.backbone + recipe.classifier), 3 * 4 * 8 * 128 * 93_431
    an_image = (memory - weights - logits) / 128 / 1.6
    assert 8e6 < an_image < 40e6  # 221 million multiply-adds give 5 million values, each in several layers
    assert page_row(recipe.name)[7] == f"{memory / 1e9:.0f} GB"


@pytest.mark.parametrize(
    "name", ["resnet34_arcface", "resnet50_arcface", "seresnet50_arcface", "hw2p2_seresnet34_joint"]
)
def test_recipes_of_the_course_keep_its_limit_with_the_classifier(name, recipes):
    recipe = recipes[name]
    assert recipe.backbone + recipe.classifier <= LIMIT
    allowed = recipe.settings["model"].get("max_params")
    assert (allowed is not None) == name.startswith("hw2p2")
    assert allowed is None or LIMIT - 200_000 < allowed + recipe.classifier <= LIMIT


@pytest.mark.parametrize("name", ["casia_iresnet50_arcface", "ms1mv3_iresnet50_arcface"])
def test_the_command_of_a_file_is_read_with_its_sources(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "experiments" / f"{name}.yaml").read_text(encoding="utf-8")
    command = re.match(r"(?:# .*\\\n)+# .*\n", text)
    assert command is not None
    words = shlex.split(command[0].replace("\\\n#", "").lstrip("# ").replace("experiments/", f"{ROOT}/experiments/"))
    assert words[:2] == ["facerec", "fit"]
    assert run(*words[1:], "--print_config") == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert told["data"]["train"]["init_args"]["root"] == "DIR"
    assert set(told["data"]["test_pairs"]) == {"lfw", "cfp_fp"}
    assert set(told["data"]["val_pairs"]) == {"agedb_30"}
    assert str(told["trainer"]["devices"]) == ("8" if name.startswith("ms1mv3") else "auto")
