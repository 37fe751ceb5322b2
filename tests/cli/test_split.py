"""`facerec split` as a user runs it: on a plain folder of people, then `fit` and `test` on what it wrote."""

import json
import re
from pathlib import Path

import pytest
import torch

from facerec.align.record import Alignment, record_text
from facerec.cli import main
from tests.conftest import SMALL, save_face

SHARES = ["--shares", "40", "30", "30"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Twenty people with four images each, under their names alone."""
    for person in range(1, 21):
        for image in range(1, 5):
            save_face(person, image, tmp_path / "faces" / f"person {person}" / f"{image}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_a_folder_of_people_to_a_measured_model(work, capsys):
    (work / "faces" / "alignment.json").write_text(record_text(Alignment("yunet", "1", "112x112"), complete=True))
    main(["split", "faces", "set", *SHARES, "--dev_share", "0.3"])
    said = capsys.readouterr().out
    assert re.search(r"train +8 people +2\d images, and \d+ dev images", said)
    assert re.search(r"validation +6 people +24 images, 36 genuine and 36 impostor pairs", said)
    assert re.search(r"test +6 people +24 images, 36 genuine and 36 impostor pairs", said)
    assert "next: facerec fit --config CONFIG --data.root set" in said
    assert not list((work / "set").rglob("*.png"))
    main(["fit", *SMALL, "--trainer.max_epochs=1", "--data.root", "set", "--data.batch_size=4"])
    run = Path("runs", "orl_resnet18_arcface", "version_0")
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    trained = {line.partition("/")[0] for line in (work / "set" / "train.txt").read_text().splitlines()}
    assert checkpoint["facerec"]["identities"] == sorted(trained)
    assert checkpoint["facerec"]["alignment"]["detector"] == "yunet"
    capsys.readouterr()
    main(["test", "--ckpt_path", str(run / "checkpoints" / "last.ckpt")])
    table = capsys.readouterr()
    assert re.search(r"genuine pairs +36\nimpostor pairs +36\n", table.out)
    assert "dev accuracy" in table.out
    assert "people unknown" not in table.out
    assert "are in both" not in table.err
    assert json.loads((run / "test" / "metrics.json").read_text())["sets"]["pairs"]["identification"]["people"] == 6


def test_a_plain_folder_names_the_command(work, capsys):
    main(["inspect", "faces", "--workers", "0"])
    assert "next: facerec split faces SET" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, "--data.root", "faces"])
    assert "`facerec split faces SET`" in capsys.readouterr().err


def test_what_was_left_out_or_shared_is_said(work, capsys):
    (work / "faces" / "nobody").mkdir()
    save_face(1, 1, work / "faces" / "person 2" / "of person 1.png")
    save_face(1, 2, work / "faces" / "person 1" / "again.png")
    save_face(21, 1, work / "faces" / "single" / "1.png")
    main(["split", "faces", "set", *SHARES])
    said = capsys.readouterr().out
    assert "people left out: 1 without images" in said
    assert "images left out: 1 copies of an image of the same person" in said
    assert "1 photographs are shared by several people, see set/shared_images.txt: person 1/1.png, person 2/of" in said


def test_people_who_share_photographs_in_two_parts_are_a_warning(work, capsys):
    for person in range(2, 21):
        save_face(1, 1, work / "faces" / f"person {person}" / "of person 1.png")
    with pytest.raises(SystemExit) as stopped:
        main(["split", "faces", "set", *SHARES])
    assert stopped.value.code == 2
    assert "into validation, which needs two different ones" in capsys.readouterr().err
    for person in range(3, 21):
        (work / "faces" / f"person {person}" / "of person 1.png").unlink()
    save_face(1, 1, work / "faces" / "person 5" / "of person 1.png")
    main(["split", "faces", "set", *SHARES])
    assert re.search(r"warning: \d people share a photograph with people of another part", capsys.readouterr().out)


def test_bad_options(work, capsys):
    for options, message in (
        (["--shares", "0", "1", "1"], "split train_share=0.0: must be positive"),
        (["--near_distance", "99"], "split near_distance=99: must be in [0, 63]"),
        (["--dev_share", "1"], "split dev_share=1.0: must be in [0, 1)"),
        (["--seed", "4", "--shares", "85", "5", "10"], "of 20 people into validation, which needs two"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["split", "faces", "set", *options])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err
    assert not (work / "set" / "split.json").exists()
