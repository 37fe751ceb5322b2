"""The commands that use a model, run as a user runs them, on a checkpoint of `facerec fit`."""

import csv
import json
import os
import re
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facerec.align import Alignment
from facerec.align.record import RECORD_FILE, record_text
from facerec.cli import main
from facerec.data.images import read_image
from facerec.files import held
from facerec.inference import Embedder, load_model
from facerec.inference.gallery import Gallery
from facerec.recognizer import FaceRecognizer
from tests.conftest import face, save_face


def run(*arguments: object) -> int:
    """Exit status of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture
def model(orl_run: Path) -> list[str]:
    return ["--ckpt_path", str(next((orl_run / "checkpoints").glob("best-*.ckpt")))]


def cosine(model: list[str], first: Path, second: Path) -> float:
    """From the network as it was trained, image by image."""
    recognizer = Embedder.from_checkpoint(model[1]).recognizer
    one, other = (recognizer.embed(read_image(path)[None]) for path in (first, second))
    return float(F.cosine_similarity(one, other))


def test_verify_says_yes_no_and_error_by_its_exit_status(model, capsys) -> None:
    score = cosine(model, face(1, 1), face(2, 1))
    assert run("verify", face(1, 1), face(2, 1), *model, "--threshold", score - 0.01) == 0
    text = capsys.readouterr().out
    assert float(re.search(r"score +(-?[\d.]+)", text)[1]) == pytest.approx(score, abs=1e-3)
    assert "decision   same person" in text
    assert run("verify", face(1, 1), face(2, 1), *model, "--threshold", 0.5 * (score + 1.0)) == 1
    assert "different people" in capsys.readouterr().out
    assert run("verify", face(1, 1), "nothing.jpg", *model) == 2
    captured = capsys.readouterr()
    assert "no image at nothing.jpg" in captured.err
    assert "decision" not in captured.out
    assert run("verify", face(1, 1), *model) == 2
    assert "give two images" in capsys.readouterr().err


def test_verify_takes_the_calibrated_threshold_and_pairs_of_a_file(model, tmp_path, monkeypatch, capsys) -> None:
    for person, image in ((1, 1), (1, 2), (2, 1)):
        save_face(person, image, tmp_path / f"{person}_{image}.png")
    (tmp_path / "broken.png").write_text("no image")
    (tmp_path / "pairs.txt").write_text("1_1.png 1_1.png\n1_1.png 2_1.png\nbroken.png 1_2.png\n")
    assert run("verify", "--pairs", tmp_path / "pairs.txt", "--images", tmp_path, *model) == 2
    captured = capsys.readouterr()
    rows = [line.split("\t") for line in captured.out.splitlines()]
    assert rows[1][2:] == ["1.000000", "same person"]
    assert rows[2][2] != "nan"
    assert rows[3][2:] == ["nan", "unknown"]
    assert "1 of 4 images could not be used" in captured.err
    calibration = torch.load(model[1], weights_only=True)["facerec"]["calibration"]
    assert f"# threshold {calibration['threshold']:.4f}" in captured.out
    assert f"FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%}" in captured.out
    (tmp_path / "same.txt").write_text(f"{face(1, 1)} {face(1, 1)}\n")
    monkeypatch.setattr("sys.stdin", (tmp_path / "same.txt").open())
    assert run("verify", "--pairs", "-", *model) == 0


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people with three images each, one of them broken."""
    for person in (1, 2, 3):
        for image in (1, 2, 3):
            save_face(person, image, tmp_path / "people" / f"s{person}" / f"{image}.png")
    (tmp_path / "people" / "s3" / "3.png").write_text("no image")
    return tmp_path / "people"


def test_enroll_and_identify(model, people, tmp_path, capsys) -> None:
    gallery = tmp_path / "gallery.npz"
    assert run("enroll", people, *model, "--output", gallery) == 2  # an image is broken; the rest is done
    captured = capsys.readouterr()
    assert "3 people from 8 images" in captured.out
    assert "1 of 9 images could not be used" in captured.err
    with np.load(gallery) as stored:
        assert stored["names"].tolist() == ["s1", "s2", "s3"]
        assert stored["counts"].tolist() == [3, 3, 2]
    probes = [people / "s1" / "1.png", people / "s2" / "2.png"]
    search = ["--gallery", gallery, *model]
    assert run("identify", *probes, *search, "--threshold", -1) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[1:3]] == [str(probe) for probe in probes]
    assert all(row[1] in ("s1", "s2", "s3") and row[1] != row[3] for row in rows[1:3])
    assert all(float(row[2]) >= float(row[4]) for row in rows[1:3])
    assert run("identify", *probes, *search, "--threshold", 1.0) == 1
    assert capsys.readouterr().out.count("no correspondence") == 2
    assert run("identify", people, *search) == 2
    assert "3.png does not decode" in capsys.readouterr().err


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


def test_a_gallery_knows_how_its_faces_were_aligned_before(model, people, tmp_path, capsys) -> None:
    (people / "s3" / "3.png").unlink()
    gallery = tmp_path / "gallery.npz"
    (people / RECORD_FILE).write_text(record_text(Alignment("mtcnn", "", "112x112")))
    assert run("enroll", people, *model, "--output", gallery) == 0
    assert Gallery.load(gallery).alignment == "mtcnn 112x112"
    search = ("--gallery", gallery, *model, "--threshold", -1)
    assert run("identify", people / "s1" / "1.png", *search) == 0
    with pytest.warns(UserWarning, match="by mtcnn 112x112 and these by unknown"):
        assert run("identify", face(1, 1), *search) == 0
    capsys.readouterr()
    assert run("identify", face(1, 1), *search, "--align") == 2
    assert "by mtcnn 112x112 and these by yunet 112x112" in capsys.readouterr().err


def test_embed_writes_names_and_embeddings(model, people, tmp_path, capsys) -> None:
    output = tmp_path / "embeddings.npz"
    assert run("embed", people, *model, "--output", output, "--batch_size", 3) == 2
    with np.load(output) as stored:
        assert stored["names"].tolist()[0] == str(people / "s1" / "1.png")
        assert stored["embeddings"].shape == (8, 16)
        embedder = Embedder.from_checkpoint(model[1])
        assert str(stored["fingerprint"]) == embedder.fingerprint
        expected = embedder(read_image(people / "s1" / "1.png")[None])[0]
        np.testing.assert_allclose(stored["embeddings"][0], expected, rtol=1e-4, atol=1e-5)


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
    assert run("predict", *pairs, *model, "--output", output, "--columns", "id", "match", "--fill", 0) == 2
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


def test_an_exported_onnx_model_verifies_and_identifies(model, people, tmp_path, capsys) -> None:
    exported, gallery = tmp_path / "model.onnx", tmp_path / "gallery.npz"
    assert run("export", *model, "--output", exported) == 0
    report = capsys.readouterr().out
    assert float(re.search(r"largest difference ([\d.e-]+)", report)[1]) < 1e-4
    expected = cosine(model, face(1, 1), face(2, 1))
    run("verify", face(1, 1), face(2, 1), "--ckpt_path", exported)
    text = capsys.readouterr().out
    assert float(re.search(r"score +(-?[\d.]+)", text)[1]) == pytest.approx(expected, abs=1e-3)
    assert "on the validation pairs: FAR" in text
    inside, embedder = load_model(exported), Embedder.from_checkpoint(model[1])
    forms = [face(1, 1), read_image(face(2, 1)) / 255.0]
    torch.testing.assert_close(inside(forms), embedder(forms), rtol=1e-2, atol=1e-2)  # it rounds floats to bytes
    run("enroll", people, *model, "--output", gallery)
    assert run("identify", face(1, 1), "--gallery", gallery, "--ckpt_path", exported, "--threshold", -1) == 0


def test_compare_prints_and_writes_the_table(orl_run, tmp_path, capsys) -> None:
    assert run("compare", orl_run.parent, "--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md") == 0
    assert re.search(r"orl_resnet18_arcface/version_0 +[\d.]+%", capsys.readouterr().out)
    assert next(csv.reader((tmp_path / "t.csv").open()))[:2] == ["run", "dev accuracy"]
    assert (tmp_path / "t.md").read_text().startswith("| run | dev accuracy |")


def test_align_without_the_extra_says_what_to_install(model, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "yuface", None)  # as Python does with a package that is not there
    assert run("verify", face(1, 1), face(1, 2), *model, "--align") == 2
    assert 'pip install "facerec[align]"' in capsys.readouterr().err


def test_images_aligned_otherwise_than_the_training_ones_are_told(orl_run, tmp_path, capsys) -> None:
    checkpoint = torch.load(next(orl_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["facerec"]["alignment"] = Alignment("mtcnn", "", "112x112").as_dict()
    torch.save(checkpoint, tmp_path / "of_aligned_faces.ckpt")
    of_aligned = ("--ckpt_path", tmp_path / "of_aligned_faces.ckpt")
    for name in ("a.png", "b.png"):
        save_face(1, 1, tmp_path / name)
    pair = (tmp_path / "a.png", tmp_path / "b.png", *of_aligned)
    assert run("verify", *pair) == 0
    assert "nothing says how these images were" in capsys.readouterr().err
    (tmp_path / RECORD_FILE).write_text(record_text(Alignment("mtcnn", "", "112x112")))
    assert run("verify", *pair) == 0
    assert "aligned by" not in capsys.readouterr().err
    (tmp_path / RECORD_FILE).write_text(record_text(Alignment("yunet", "", "112x112")))
    assert run("verify", *pair) == 0
    assert "these images by yunet" in capsys.readouterr().err
    exported = tmp_path / "model.onnx"
    assert run("export", *of_aligned, "--output", exported) == 0
    capsys.readouterr()
    assert run("verify", *pair[:2], "--ckpt_path", exported) == 0
    assert "these images by yunet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["verify", "enroll", "identify", "predict", "embed", "export", "compare"])
def test_help_has_examples_and_bad_models_are_named(command, tmp_path, capsys) -> None:
    assert run(command, "--help") == 0
    assert f"examples:\n  facerec {command}" in capsys.readouterr().out


def test_no_mistake_looks_like_an_answer(model, people, tmp_path, capsys) -> None:
    """Status 1 says "different people" or "nobody known"; whatever goes wrong is 2, in a line that names it."""
    checkpoint = torch.load(model[1], weights_only=True)
    contents = {
        "list.ckpt": [torch.zeros(1)],
        "others.ckpt": {"state_dict": {}, "hyper_parameters": {"backbone": "resnet50"}},
        "none.ckpt": {"state_dict": {}, "hyper_parameters": None},
        "nan.ckpt": checkpoint
        | {"state_dict": {name: tensor * float("nan") for name, tensor in checkpoint["state_dict"].items()}},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    (tmp_path / "empty.npz").touch()
    known = {"names": ["ada"], "templates": np.full((1, 16), np.nan), "mean_norms": [1.0], "counts": [1]}
    np.savez(tmp_path / "nan.npz", **known, fingerprint=Embedder.from_checkpoint(model[1]).fingerprint, alignment="")
    pair = ("verify", face(1, 1), face(1, 2))
    for arguments, message in (
        ((*pair, "--ckpt_path", tmp_path / "list.ckpt"), "it holds no state_dict"),
        ((*pair, "--ckpt_path", tmp_path / "others.ckpt"), "does not load as a checkpoint"),
        ((*pair, "--ckpt_path", tmp_path / "none.ckpt"), "holds no description of its backbone"),
        ((*pair, "--ckpt_path", tmp_path / "nan.ckpt"), "training diverged"),
        ((*pair, "--ckpt_path", tmp_path / "text.ckpt"), "does not load as a checkpoint"),
        (("verify", "--pairs", people, *model), "cannot be read"),
        ((*pair, *model, "--threshold", "nan"), "--threshold nan: give a cosine in [-1, 1]"),
        ((*pair, *model, "--threshold", 1.5), "--threshold 1.5: give a cosine in [-1, 1]"),
        (("identify", face(1, 1), "--gallery", tmp_path / "nan.npz", *model), "embeddings contain NaN or inf: 1 of 1"),
        (("identify", face(1, 1), "--gallery", tmp_path / "empty.npz", *model), "is not a gallery"),
        (("embed", people, "--output", tmp_path, *model), "is a folder"),
        (("predict", "--classify", people, "--output", tmp_path / "text.ckpt" / "x.csv", *model), "is a file, not a"),
    ):
        assert run(*arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert "Traceback" not in captured.err
        assert "person" not in captured.out


def test_people_and_images_come_from_lists_and_standard_input_too(model, people, tmp_path, monkeypatch, capsys) -> None:
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
    capsys.readouterr()
    (tmp_path / "people.txt").write_text("one column\nand three columns\n")
    assert run("enroll", tmp_path / "people.txt", "--output", tmp_path / "none.npz", *model) == 2
    assert "people.txt:2: expected 'image name'" in capsys.readouterr().err


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
