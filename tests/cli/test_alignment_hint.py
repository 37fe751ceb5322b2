"""Photographs for a model of aligned faces: one line names --align, and no aligned face gets it."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from facerec.align import Alignment
from tests.cli.conftest import best_file, run
from tests.conftest import face


def of_aligned_faces(checkpoint: Path, alignment: Alignment) -> tuple[str, str]:
    """The options of a checkpoint whose training images were aligned in this way."""
    content = torch.load(checkpoint, weights_only=True)
    content["facerec"]["alignment"] = alignment.as_dict()
    torch.save(content, checkpoint)
    return "--ckpt_path", str(checkpoint)


@pytest.fixture
def aligned(run_copy) -> tuple[str, str]:
    return of_aligned_faces(best_file(run_copy), Alignment("yunet", "", "112x112"))


def faces(folder: Path, size: tuple[int, int]) -> list[Path]:
    """Two images of a person in this (width, height), in folders of their own."""
    paths = [folder / name / "1.png" for name in ("ada", "ben")]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        Image.open(face(1, number + 1)).resize(size).save(path)
    return paths


@pytest.mark.parametrize(
    ("size", "is_photograph"),
    [((112, 112), False), ((160, 160), False), ((92, 112), True), ((448, 448), True), ((1200, 1600), True)],
)
def test_size_and_shape_tell_a_photograph_from_an_aligned_face(size, is_photograph, aligned, tmp_path, capsys):
    hint = f"1.png is {size[0]}x{size[1]}, and the model was trained on faces aligned to 112x112: for photographs give"
    people = faces(tmp_path / "people", size)
    gallery = tmp_path / "gallery.npz"
    for command in (
        ("verify", *people, "--threshold", 0),
        ("enroll", tmp_path / "people", "--output", gallery),
        ("identify", people[0], "--gallery", gallery, "--threshold", 0),
    ):
        run(*command, *aligned)
        said = capsys.readouterr().err
        assert said.count("--align") == is_photograph
        assert (hint in said) == is_photograph


def test_a_model_of_unaligned_faces_says_nothing(run_copy, tmp_path, capsys):
    people = faces(tmp_path, (1200, 1600))
    run("verify", *people, "--threshold", 0, "--ckpt_path", best_file(run_copy))
    assert "align" not in capsys.readouterr().err


def test_a_model_of_cropped_photographs_is_not_sent_to_the_detector(run_copy, tmp_path, capsys):
    cropped = of_aligned_faces(best_file(run_copy), Alignment("center_crop", "", "112x112"))
    run("verify", *faces(tmp_path, (448, 448)), "--threshold", 0, *cropped)
    said = capsys.readouterr().err
    assert "--detector center_crop" in said
    assert "--align" not in said
