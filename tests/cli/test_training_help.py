"""The help of the commands that train and measure: a page or two, from the real parser."""

import re

import pytest

from facerec.cli import TRAINER_COMMANDS
from facerec.cli.training_help import TRAINER
from tests.cli.conftest import run


def printed(capsys, *arguments):
    assert run(*arguments) == 0
    return capsys.readouterr().out


def names(text):
    return set(re.findall(r"^  --([\w.]+)", text, flags=re.M))


@pytest.mark.parametrize("command", TRAINER_COMMANDS)
def test_the_help_is_a_page_or_two_with_examples_first_and_ours_before_the_trainers(command, capsys):
    text = printed(capsys, command, "--help")
    lines = text.splitlines()
    assert len(lines) < 95
    assert max(map(len, lines)) <= 130
    places = [
        text.index(part)
        for part in ("\nexamples:", "\noptions:", "\n  --verification.store", "\n  --trainer.precision")
    ]
    assert places == sorted(places)
    assert set(TRAINER[command]) <= names(text)  # of which Lightning has all
    assert text == printed(capsys, command, "-h")
    everything = printed(capsys, command, "--help_all")
    assert "--trainer.num_sanity_val_steps" in everything
    assert names(text) - {"ckpt_path", "help_all", "print_config"} <= set(re.findall(r"--([\w.]+)", everything))


def test_the_help_of_fit_has_all_of_ours_in_a_line_with_the_default(capsys):
    text = printed(capsys, "fit", "--help")
    everything = printed(capsys, "fit", "--help_all")
    ours = set(re.findall(r"^  --((?:model|data|checkpoint|verification)\.[\w.]+)", everything, flags=re.M))
    assert {name for name in ours if not name.endswith(".help")} - {"model.schedule"} <= names(text)
    assert re.search(r"^  --data\.batch_size +training images in a batch.* \(default: 128\)$", text, flags=re.M)
    assert re.search(r"^  --model\.image_size .* \(default: \[112, 112\]\)$", text, flags=re.M)
    assert not re.search(r"``|:func:", text)


def test_the_settings_of_a_class_have_their_own_help(capsys):
    text = printed(capsys, "fit", "--model.loss.help", "ArcFace")
    assert "--model.loss.angular_margin" in text
    assert "--data.root" not in text


@pytest.mark.parametrize(
    ("setting", "known"),
    [
        ("model.schedule", "WarmupCosine"),
        ("model.loss", "ArcFace"),
        ("model.backbone", "ResNet"),
        ("model.optimizer", "AdamW"),
        ("data.train", "FolderImages"),
        ("data.transforms", "RandomRotation"),
    ],
)
def test_without_a_class_its_classes_are_listed(setting, known, capsys):
    text = printed(capsys, "fit", f"--{setting}.help")
    assert re.search(rf"^  {known} +\w+", text, flags=re.M)
    assert not re.search(r"^  _|``|:class:", text, flags=re.M)
