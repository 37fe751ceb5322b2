"""Private names of Lightning that facerec depends on: each is there, as we know it, and used in one file alone."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from torch import nn

FACEREC = Path(__file__).parents[1] / "facerec"
THE_FILE = FACEREC / "lightning_private.py"
METHODS = {  # arguments, and what would no longer work
    (LightningCLI, "_parse_ckpt_path"): (
        ["self"],
        "the warning that a checkpoint overrides a setting, and --model.flip_test of `test` and `validate`",
    ),
    (LightningCLI, "_instantiate_trainer"): (
        ["self", "config", "callbacks"],
        "our callbacks, and that they come before those that monitor what they log",
    ),
    (LightningCLI, "_prepare_subcommand_kwargs"): (["self", "subcommand"], "`test` without Lightning's own table"),
    (ModelCheckpoint, "_should_skip_saving_checkpoint"): (["self", "trainer"], "last.ckpt after each validated epoch"),
    (ModelCheckpoint, "_monitor_candidates"): (["self", "trainer"], "last.ckpt after each validated epoch"),
    (ModelCheckpoint, "_save_last_checkpoint"): (
        ["self", "trainer", "monitor_candidates"],
        "last.ckpt after each validated epoch and at the end of the training, and the one before it",
    ),
    (ModelCheckpoint, "_save_topk_checkpoint"): (
        ["self", "trainer", "monitor_candidates"],
        "last.ckpt of a training that ends because the monitored metric is not there",
    ),
}
ATTRIBUTES = {  # of an instance
    (LightningModule, "_trainer"): "telling a resumed training from a measurement when a checkpoint is loaded",
    (LightningArgumentParser, "_actions"): "the nearest name of a setting after a typo, and the help on a page",
}
OWNERS = (
    Callback,
    LightningArgumentParser,
    LightningCLI,
    LightningDataModule,
    LightningModule,
    SaveConfigCallback,
    Trainer,
)


def test_torch_still_has_what_other_files_use_of_it():
    """``Embedder`` copies a recognizer with other modules; Winograd's convolution forgets its filters when moved."""
    assert isinstance(nn.Module()._modules, dict)
    assert list(inspect.signature(nn.Module._apply).parameters) == ["self", "fn", "recurse"]
    assert list(inspect.signature(nn.Module._load_from_state_dict).parameters)[:3] == ["self", "state_dict", "prefix"]


@pytest.mark.parametrize(("owner", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_lightning_still_has_the_methods_that_we_override_or_call(owner, name):
    arguments, feature = METHODS[owner, name]
    method = getattr(owner, name, None)
    assert method is not None, f"Lightning has no {owner.__name__}.{name} any more. It is needed for {feature}"
    found = list(inspect.signature(method).parameters)
    assert found == arguments, f"{owner.__name__}.{name} takes {found} now, not {arguments}. It is needed for {feature}"


@pytest.mark.parametrize(("owner", "name"), ATTRIBUTES, ids=lambda value: getattr(value, "__name__", value))
def test_lightning_still_has_the_attributes_that_we_read(owner, name):
    assert hasattr(owner(), name), (
        f"{owner.__name__} has no {name} any more. It is needed for {ATTRIBUTES[owner, name]}"
    )


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def read_elsewhere(file: Path) -> set[str]:
    """Private attributes that a file reads and does not define."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    defined |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    return {node.attr for node in attributes if is_private(node.attr)} - defined


def overridden(cls: type) -> set[str]:
    """Private names of a class that a class of Lightning has too."""
    lightnings = [base for base in cls.__mro__[1:] if base.__module__.split(".")[0] == "lightning"]
    return {name for name in vars(cls) if is_private(name) and any(name in vars(base) for base in lightnings)}


def subclasses(owner: type) -> set[type]:
    return {owner}.union(*map(subclasses, owner.__subclasses__()))


def test_the_tables_hold_every_private_name_that_the_file_uses():
    nodes = list(ast.walk(ast.parse(THE_FILE.read_text(encoding="utf-8"))))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and is_private(node.attr)}
    used |= {node.name for node in nodes if isinstance(node, ast.FunctionDef) and is_private(node.name)}
    assert used == {name for _, name in (*METHODS, *ATTRIBUTES)}


def test_no_other_file_reads_a_private_name_of_lightning():
    known = {name for owner in (*OWNERS, ModelCheckpoint) for name in dir(owner)}
    known |= {*vars(LightningModule()), *vars(LightningDataModule()), *vars(LightningArgumentParser())}
    known -= {*dir(nn.Module()), "_modules"}
    found = {file.name: read_elsewhere(file) & known for file in FACEREC.rglob("*.py") if file != THE_FILE}
    assert {file: names for file, names in found.items() if names} == {}, f"use {THE_FILE.name} instead"


def test_no_other_class_overrides_a_private_name_of_lightning():
    for module in ("facerec.cli.training", "facerec.callbacks", "facerec.recognizer", "facerec.data"):
        import_module(module)
    ours = [cls for owner in OWNERS for cls in subclasses(owner) if cls.__module__.startswith("facerec.")]
    assert {"BestCheckpoint", "FaceCLI", "FaceDataModule", "FaceRecognizer"} <= {cls.__name__ for cls in ours}
    found = {cls: overridden(cls) for cls in ours if cls.__module__ != "facerec.lightning_private"}
    assert {cls: names for cls, names in found.items() if names} == {}, f"override it in {THE_FILE.name}"
