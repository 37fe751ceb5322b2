"""Data that make error rates mislead: for each, the sentence that `facerec test` says about them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from facerec.data import ORLPairs
from facerec.data.formats.orl import find_orl
from facerec.reports import read_metrics
from tests.cli.conftest import best_file, run

Trick = Callable[[Path, list[str]], list[str]]


def itself(images: Path, lines: list[str]) -> list[str]:
    return [*lines, "32_1.jpg 32_1.jpg 1", "33_1.jpg 33_1.jpg 1"]


def copied(images: Path, lines: list[str]) -> list[str]:
    shutil.copy(images / "32_1.jpg", images / "copy.jpg")
    return [*lines, "32_1.jpg copy.jpg 1"]


def saved_again(images: Path, lines: list[str]) -> list[str]:
    """Other bytes, the same pixels."""
    Image.open(images / "32_1.jpg").save(images / "copy.png")
    return [*lines, "32_1.jpg copy.png 1"]


def two_names(images: Path, lines: list[str]) -> list[str]:
    shutil.copy(images / "32_1.jpg", images / "33_9.jpg")
    return [*lines, "32_1.jpg 33_9.jpg 0"]


def repeated(images: Path, lines: list[str]) -> list[str]:
    return lines * 5


def reversed_too(images: Path, lines: list[str]) -> list[str]:
    return [*lines, *(" ".join((line.split()[1], line.split()[0], line[-1])) for line in lines)]


TRICKS = {
    itself: "the test pairs 'pairs': 2 genuine pairs show an image beside itself. Any network scores it 1",
    copied: "the test pairs 'pairs': 1 genuine pair shows the same pixels in two files",
    saved_again: "the test pairs 'pairs': 1 genuine pair shows the same pixels in two files",
    two_names: "the test pairs 'pairs': 1 impostor pair shows the same pixels in two files. One photograph",
    repeated: "the test pairs 'pairs': 60 of 75 pairs repeat another pair, as it is or reversed. Each pair counts once",
    reversed_too: "the test pairs 'pairs': 15 of 30 pairs repeat another pair, as it is or reversed. Each pair counts",
}


@pytest.fixture
def measured(run_copy: Path, vggface_root: Path) -> Callable[[Trick], dict]:
    """Tests the run on the test pairs of the root as a trick leaves them; gives the numbers."""

    def measure(trick: Trick) -> dict:
        lines = (vggface_root / "test_pairs.txt").read_text().split("\n")[:-1]
        tricked = trick(vggface_root / "ver_data", lines)
        (vggface_root / "test_pairs.txt").write_text("\n".join(tricked) + "\n")
        assert run("test", "--ckpt_path", best_file(run_copy), "--data.root", vggface_root) == 0
        return read_metrics(run_copy / "test_faces" / "metrics.json").sets["pairs"].to_json()

    return measure


@pytest.mark.parametrize(("trick", "sentence"), TRICKS.items(), ids=[trick.__name__ for trick in TRICKS])
def test_a_trick_has_its_sentence(trick, sentence, measured):
    with pytest.warns(UserWarning, match=re.escape(sentence)):
        measured(trick)


def test_honest_pairs_have_none(measured, recwarn):
    measured(lambda images, lines: lines)
    said = [str(warning.message) for warning in recwarn if "the test pairs 'pairs'" in str(warning.message)]
    assert said == []


def test_repeats_change_no_number_and_no_interval(measured):
    honest = measured(lambda images, lines: lines)
    with pytest.warns(UserWarning, match="75 pairs repeat"):
        assert measured(repeated) == honest


def test_flipped_labels_are_worse_than_guessing(run_copy, tmp_path):
    """On the test people of ORL, whom even the network of the tests knows better than by guessing."""
    pairs = ORLPairs("test")
    images = [name.removeprefix(f"{find_orl()}/") for name in map(pairs.name, range(len(pairs)))]
    lines = [
        f"{images[first]} {images[second]} {int(not same)}"
        for (first, second), same in zip(pairs.pairs.tolist(), pairs.same, strict=True)
    ]
    root = tmp_path / "flipped"
    root.mkdir()
    (root / "images").symlink_to(find_orl())
    (root / "test_pairs.txt").write_text("\n".join(lines) + "\n")
    with pytest.warns(UserWarning, match=r"the test pairs 'pairs': an EER of .* is worse than guessing.*4,950 pairs"):
        assert run("test", "--ckpt_path", best_file(run_copy), "--data.root", root) == 0


def constant(checkpoint: Path) -> Path:
    """The checkpoint with a network that gives zeros for every image."""
    content = torch.load(checkpoint, weights_only=True)
    for name, tensor in content["state_dict"].items():
        if name.startswith("backbone.") and tensor.is_floating_point() and "running" not in name:
            tensor.zero_()
    torch.save(content, checkpoint)
    return checkpoint


def test_a_network_that_says_the_same_of_everybody(run_copy, capsys):
    checkpoint = constant(best_file(run_copy))
    with pytest.warns(UserWarning, match="the test pairs 'orl' all score 0.0000: the network gives every image"):
        assert run("test", "--ckpt_path", checkpoint) == 0
    before = checkpoint.read_bytes()
    assert run("validate", "--ckpt_path", checkpoint, "--verification.store", "true") == 2
    assert "all validation pairs have the same score" in capsys.readouterr().err
    assert checkpoint.read_bytes() == before


def test_the_validation_pairs_by_another_name(run_copy, vggface_root):
    """In another folder and order, so that no name gives them away but those of the images."""
    checkpoint = best_file(run_copy)
    arguments = ("--ckpt_path", checkpoint, "--data.root", vggface_root)
    assert run("validate", *arguments, "--verification.store", "true") == 0
    lines = (vggface_root / "val_pairs.txt").read_text().splitlines()
    (vggface_root / "test_pairs.txt").write_text("\n".join(reversed(lines)) + "\n")
    (vggface_root / "val_pairs.txt").unlink()
    with pytest.warns(UserWarning, match="the test pairs 'pairs' are validation pairs of the checkpoint"):
        assert run("test", *arguments) == 0


def test_the_threshold_of_other_views_is_named_as_such(run_copy, capsys):
    assert run("test", "--ckpt_path", best_file(run_copy), "--model.flip_test=concatenate") == 0
    printed = capsys.readouterr().out
    assert "threshold is one of model.flip_test=sum, and this is a measurement with concatenate" in printed
    assert "no validation pairs" not in printed
