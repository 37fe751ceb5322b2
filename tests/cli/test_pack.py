"""`facerec pack` from the command line; what a pack is, tests/data/formats/test_packed.py says."""

import re

import pytest

from tests.cli.conftest import assert_refused, run


@pytest.fixture
def people_of_a_pack(vggface_root):
    return vggface_root / "train"


def test_a_folder_is_packed_and_verified(people_of_a_pack, tmp_path, capsys):
    packed = tmp_path / "train.pack"
    assert run("pack", people_of_a_pack, packed) == 0
    assert re.search(r"train.pack: 16 images of \d+x\d+\n", capsys.readouterr().out)
    assert run("pack", packed, "--verify") == 0
    assert "all as they were written" in capsys.readouterr().out


def test_an_image_that_is_left_out_is_counted_and_a_status(people_of_a_pack, tmp_path, capsys):
    (people_of_a_pack / "n000001" / "broken.jpg").write_text("<html>")
    assert_refused("broken.jpg", capsys, "pack", people_of_a_pack, tmp_path / "train.pack")
    assert run("pack", people_of_a_pack, tmp_path / "train.pack", "--unreadable", "skip") == 1
    said = capsys.readouterr().out
    assert "16 images" in said
    assert "left out 1 images that do not decode" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give SRC and DST, or --verify and a pack"),
        (["train.pack", "--verify"], "give SRC and DST, or --verify and a pack"),
        (["train.pack", "--threads=0"], "--threads=0: must be at least 1"),
        (["train.pack", "--image_size", "112", "0"], "--image_size=0: must be at least 1"),
        (["train.pack", "--part=test"], "invalid choice: 'test'"),
    ],
)
def test_options_that_cannot_be(options, message, people_of_a_pack, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "pack", people_of_a_pack, *options)
    assert not (tmp_path / "train.pack").exists()
