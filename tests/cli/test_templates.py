"""`facerec test` on templates of ORL: what it measures, keeps and draws is of templates."""

import csv
import json

import numpy as np
import pytest

from facerec.cli.training import DEFAULT_CONFIG
from facerec.data import FolderImages, TinyFacePairs
from facerec.inference import Embedder, encode
from facerec.metrics import VerificationCurve, search_galleries
from facerec.reports import read_metrics
from tests.cli.conftest import best_file, run
from tests.conftest import save_face
from tests.data.formats import test_ijb

QUIET = ("--trainer.enable_progress_bar", "false")


@pytest.fixture
def templates(tmp_path):
    """Two templates of each of ten test people: a film of three frames with a photograph, and another film."""
    rows = ["image,template,media,score,person"]
    for person in range(31, 41):
        for image in range(1, 8):
            save_face(person, image, tmp_path / "faces" / f"s{person}" / f"{image}.png")
            template, medium = (
                ("first", f"film {person}" if image < 4 else "photo") if image < 5 else ("second", "other")
            )
            rows.append(f"s{person}/{image}.png,s{person} {template},{medium},{image / 10},s{person}")
    (tmp_path / "templates.csv").write_text("\n".join(rows))
    return {"images": str(tmp_path / "faces"), "templates_file": str(tmp_path / "templates.csv")}


def test_templates_are_measured_kept_and_drawn(run_copy, templates, capsys):
    best = best_file(run_copy)
    sets = json.dumps({"films": {"class_path": "facerec.data.TemplatePairs", "init_args": templates}})
    assert run("test", "--ckpt_path", best, "--data.test_pairs", sets, *QUIET) == 0
    assert "20 probes" in capsys.readouterr().out
    found = read_metrics(run_copy / "test" / "metrics.json").sets["films"]
    assert (found.genuine, found.impostor) == (10, 180)
    assert found.interval_by_person is not None
    assert (run_copy / "test" / "films_false_accepts.png").stat().st_size > 1_000

    encoded = encode(Embedder.from_checkpoint(best), FolderImages(templates["images"])).embeddings.double().numpy()
    made = []
    for start in range(0, 70, 7):
        images = encoded[start : start + 7] * np.arange(0.1, 0.8, 0.1)[:, None]
        made += [images[:3].mean(axis=0) + images[3], images[4:].mean(axis=0)]
    unit = np.array(made) / np.linalg.norm(made, axis=1, keepdims=True)
    first, second = np.triu_indices(20, k=1)
    scores = (unit[first] * unit[second]).sum(axis=1)
    with (run_copy / "test" / "films_scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [rows[0]["image_1"], rows[0]["image_2"], rows[0]["same"]] == ["s31 first", "s31 second", "1"]
    np.testing.assert_allclose([float(row["score"]) for row in rows], scores, atol=1e-4)
    assert found.eer == pytest.approx(
        VerificationCurve(scores, first // 2 == second // 2).equal_error_rate()[0], abs=0.02
    )


def test_probes_search_a_gallery_with_distractors(run_copy, tmp_path, capsys):
    """Six ORL people in TinyFace's folders, and others as distractors; the numbers are those of the embeddings."""
    for person in range(31, 37):
        for image in range(1, 5):
            folder = "Probe" if image < 3 else "Gallery_Match"
            save_face(person, image, tmp_path / "tiny" / "Testing_Set" / folder / f"{person}_{image}.jpg")
    for person in range(37, 41):
        save_face(person, 1, tmp_path / "tiny" / "Testing_Set" / "Gallery_Distractor" / f"{person}.jpg")
    settings = {"root": str(tmp_path / "tiny")}
    sets = json.dumps({"tiny": {"class_path": "facerec.data.TinyFacePairs", "init_args": settings}})
    best = best_file(run_copy)
    assert run("test", "--ckpt_path", best, "--data.test_pairs", sets, *QUIET) == 0
    said = capsys.readouterr().out
    assert "16 entries, 12 probes" in said
    assert "mAP" in said
    found = read_metrics(run_copy / "test" / "metrics.json").sets["tiny"].identification
    source = TinyFacePairs(**settings)
    encoded = encode(Embedder.from_checkpoint(best), source).embeddings
    expected = search_galleries(encoded, source.subjects, source.galleries)
    assert found.cmc[0] == pytest.approx(np.mean(expected.trials.ranks == 1), abs=0.09)  # one probe, by rounding
    assert found.mean_average_precision == pytest.approx(expected.average_precision.mean(), abs=0.05)
    assert (found.entries, found.strangers) == (16, 0)


def test_settings_of_pooling_are_read_from_yaml(tmp_path):
    settings = {"root": test_ijb.write(tmp_path), "pooling": {"mean_of_media": False, "weigh_by_score": False}}
    (tmp_path / "ijb.yaml").write_text(
        json.dumps({"data": {"test_pairs": {"ijbc": {"class_path": "facerec.data.IJBPairs", "init_args": settings}}}})
    )
    assert run("fit", "--config", DEFAULT_CONFIG, "--config", tmp_path / "ijb.yaml", "--print_config") == 0
