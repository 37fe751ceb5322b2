"""`facerec predict`: the submissions of a course."""

import csv
import json
import os
from io import StringIO

import pytest
import torch

from facerec.data.images import read_image
from facerec.inference import Embedder
from facerec.recognizer import FaceRecognizer
from tests.cli.conftest import assert_refused, cosine, run
from tests.conftest import face, save_face


def test_predict_writes_the_verification_submission(model, vggface_root, tmp_path, capsys) -> None:
    output, sample = tmp_path / "out" / "submission.csv", tmp_path / "sample.csv"
    pairs = ["--pairs", vggface_root / "test_pairs.txt", "--images", vggface_root / "ver_data"]
    sample.write_text("ID,Label\n" + "".join(f"{line},0\n" for line in range(15)))
    assert run("predict", *pairs, *model, "--output", output, "--sample", sample) == 0
    rows = list(csv.reader(output.open()))
    assert rows[0] == ["ID", "Label"]
    assert [row[0] for row in rows[1:]] == [str(line) for line in range(15)]
    first, second = (vggface_root / "test_pairs.txt").read_text().split()[:2]
    images = vggface_root / "ver_data"
    assert float(rows[1][1]) == pytest.approx(cosine(model, images / first, images / second), abs=1e-4)
    metadata = json.loads((tmp_path / "out" / "submission.metadata.json").read_text())
    assert metadata["parameter_count"] > 10_000
    assert "ResNet" in metadata["model_architecture"]
    sample.write_text("ID,Label\n0,0\n")
    assert run("predict", *pairs, *model, "--output", output, "--sample", sample) == 2
    assert "15 predictions and 1 rows" in capsys.readouterr().err
    assert run("predict", *pairs, *model, "--output", output, "--sample", sample, "--columns", "id", "match") == 2
    assert "sample.csv has ID Label" in capsys.readouterr().err
    (images / first).write_text("no image")
    assert run("predict", *pairs, *model, "--output", output, "--columns", "id", "match", "--fill", 0) == 1
    rows = list(csv.reader(output.open()))
    assert rows[0] == ["id", "match"]
    assert rows[1] == ["0", "0"]
    assert "rows of images that cannot be used hold '0'" in capsys.readouterr().out


def test_predict_writes_the_classification_submission(model, tmp_path, capsys) -> None:
    for person in (3, 1, 2):
        save_face(person, 10, tmp_path / "test" / f"{person:05d}.png")
    output = tmp_path / "classes.csv"
    assert run("predict", "--classify", tmp_path / "test", *model, "--output", output) == 0
    rows = list(csv.reader(output.open()))
    assert rows[0] == ["id", "label"]
    recognizer = FaceRecognizer.load_from_checkpoint(model[1], weights_only=True).eval()
    for name, label in rows[1:]:
        logits = recognizer.loss.logits(recognizer.embed(read_image(tmp_path / "test" / name)[None]))
        assert label == recognizer.identities[int(logits.argmax())]
    assert [row[0] for row in rows[1:]] == ["00001.png", "00002.png", "00003.png"]
    assert run("predict", "--classify", tmp_path / "none", *model, "--output", output) == 2
    assert run("predict", "--classify", tmp_path, "--images", tmp_path, *model, "--output", output) == 2


def test_classes_do_not_depend_on_what_becomes_of_the_mirror_image(model) -> None:
    """The class weights get an embedding of the length that they were trained for, also where they have a bias."""
    recognizer = Embedder.from_checkpoint(model[1]).recognizer
    images = torch.stack([read_image(face(person, 1)) for person in range(1, 9)])
    symmetric = torch.cat([images[..., :46], images[..., :46].flip(-1)], dim=-1)
    expected = recognizer(symmetric)
    for flip_test in (None, "sum", "concatenate"):
        recognizer.flip_test = flip_test
        found = recognizer.class_embeddings(recognizer.embed(symmetric))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_names_that_are_no_utf_8_are_written_as_they_are(model, tmp_path, capsys) -> None:
    folder = tmp_path / "images"
    save_face(1, 1, folder / "a.png")
    os.rename(folder / "a.png", os.fsencode(folder) + b"/caf\xe9.png")
    assert run("predict", "--classify", folder, "--output", tmp_path / "classes.csv", *model) == 0
    assert b"caf\xe9.png," in (tmp_path / "classes.csv").read_bytes()


def test_images_and_pairs_come_from_lists_and_standard_input_too(model, people, tmp_path, monkeypatch) -> None:
    (people / "s3" / "3.png").unlink()  # the broken one
    images = sorted(people.rglob("*.png"))
    (tmp_path / "images.txt").write_text("".join(f"{image}\n" for image in images))
    assert run("predict", "--classify", people, "--output", tmp_path / "folder.csv", *model) == 0
    assert run("predict", "--classify", tmp_path / "images.txt", "--output", tmp_path / "list.csv", *model) == 0
    by_folder, by_list = ((tmp_path / name).read_text().splitlines()[1:] for name in ("folder.csv", "list.csv"))
    assert {str(people / row.split(",")[0]): row.split(",")[1] for row in by_folder} == dict(
        row.split(",") for row in by_list
    )
    names = [image.relative_to(people) for image in images]
    monkeypatch.setattr("sys.stdin", StringIO(f"{names[0]}\t{names[1]}\n"))
    assert run("predict", "--pairs", "-", "--images", people, "--output", tmp_path / "pairs.csv", *model) == 0
    assert float((tmp_path / "pairs.csv").read_text().splitlines()[1].split(",")[1]) == pytest.approx(
        cosine(model, images[0], images[1]), abs=1e-3
    )


def test_a_file_is_no_folder_to_write_into(model, people, tmp_path, capsys) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    output = tmp_path / "text.ckpt" / "x.csv"
    assert_refused("is a file, not a", capsys, "predict", "--classify", people, "--output", output, *model)
