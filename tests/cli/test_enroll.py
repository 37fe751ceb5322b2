"""`facerec enroll`: people in a gallery, from folders and lists, added to and held."""

from io import StringIO

import numpy as np
import torch

from facerec.files import held
from facerec.inference.gallery import Gallery
from tests.cli.conftest import run
from tests.conftest import face, save_face


def test_people_are_added_and_a_gallery_is_not_overwritten_or_mixed(model, orl_run, people, tmp_path, capsys) -> None:
    (people / "s3" / "3.png").unlink()
    gallery = tmp_path / "gallery.npz"
    assert run("enroll", people, *model, "--output", gallery) == 0
    assert run("enroll", people, *model, "--output", gallery) == 2
    assert "give --add" in capsys.readouterr().err
    save_face(9, 1, tmp_path / "more" / "s9" / "1.png")
    save_face(1, 4, tmp_path / "more" / "s1" / "4.png")
    assert run("enroll", tmp_path / "more", *model, "--output", gallery, "--add") == 0
    assert "holds 4" in capsys.readouterr().out
    with np.load(gallery) as stored:
        assert dict(zip(stored["names"].tolist(), stored["counts"].tolist(), strict=True))["s1"] == 4
    other = tmp_path / "other.ckpt"
    checkpoint = torch.load(model[1], weights_only=True)
    name = next(name for name in checkpoint["state_dict"] if name.startswith("backbone."))
    checkpoint["state_dict"][name] += 0.1
    torch.save(checkpoint, other)
    assert run("identify", face(1, 1), "--gallery", gallery, "--ckpt_path", other) == 2
    assert "scores between them mean nothing" in capsys.readouterr().err


def test_two_cannot_add_to_a_gallery_at_once(model, people, tmp_path, capsys) -> None:
    """The second would read the gallery without the first one's people, and write it so."""
    (people / "s3" / "3.png").unlink()
    gallery = tmp_path / "deep" / "gallery.npz"
    assert run("enroll", people, *model, "--output", gallery) == 0
    with held(gallery.with_name(".gallery.npz.lock")):
        assert run("enroll", people, *model, "--output", gallery, "--add") == 2
    assert "gallery.npz.lock is being written by another process" in capsys.readouterr().err
    assert Gallery.load(gallery).counts.tolist() == [3, 3, 2]
    assert run("enroll", people, *model, "--output", gallery, "--add") == 0
    assert Gallery.load(gallery).counts.tolist() == [6, 6, 4]


def test_people_come_from_lists_and_standard_input_too(model, people, tmp_path, monkeypatch, capsys) -> None:
    (people / "s3" / "3.png").unlink()  # the broken one
    images = sorted(people.rglob("*.png"))
    rows = [f"{image}\t{image.parent.name}\n" for image in images]
    (tmp_path / "people.txt").write_text("".join(rows))
    assert run("enroll", people, "--output", tmp_path / "folder.npz", *model) == 0
    assert run("enroll", tmp_path / "people.txt", "--output", tmp_path / "list.npz", *model) == 0
    monkeypatch.setattr("sys.stdin", StringIO("".join(rows)))
    assert run("enroll", "-", "--output", tmp_path / "stdin.npz", *model) == 0
    galleries = [Gallery.load(tmp_path / name) for name in ("folder.npz", "list.npz", "stdin.npz")]
    for gallery in galleries[1:]:
        assert gallery.names == galleries[0].names
        torch.testing.assert_close(gallery.templates_PD, galleries[0].templates_PD, atol=1e-6, rtol=0)
    capsys.readouterr()
    (tmp_path / "people.txt").write_text("one column\nand three columns\n")
    assert run("enroll", tmp_path / "people.txt", "--output", tmp_path / "none.npz", *model) == 2
    assert "people.txt:2: expected 'image name'" in capsys.readouterr().err
