"""`facerec evaluate`: scores, embeddings and ONNX models of anyone, and their comparison with a run."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from facerec.data import ListPairs
from facerec.inference.foreign_onnx import PIXEL_SCALES, ForeignOnnx
from facerec.metrics import cosine_scores
from facerec.pages.numbers import numbers_of
from facerec.reports import calibrate, compare_paired, evaluate, read_metrics
from facerec.reports.looks import looks_of
from facerec.reports.plain import to_plain
from tests.cli.conftest import assert_refused, run
from tests.conftest import save_face
from tests.inference.test_foreign_onnx import build

PEOPLE = [f"s{number:02d}" for number in range(12)]


def images_of(people: list[str], count: int = 3) -> list[str]:
    return [f"{person}/{number}.png" for person in people for number in range(count)]


def every_pair(images: list[str]) -> list[tuple[str, str, bool]]:
    couples = [(images[i], images[j]) for i in range(len(images)) for j in range(i)]
    return [(one, other, one.split("/")[0] == other.split("/")[0]) for one, other in couples]


def embeddings_of(images: list[str], seed: int) -> np.ndarray:
    """Noisy directions of people."""
    generator = np.random.default_rng(seed)
    of_person = {person: generator.normal(size=8) for person in sorted({image.split("/")[0] for image in images})}
    noise = 0.6 * generator.normal(size=(len(images), 8))
    return (np.array([of_person[image.split("/")[0]] for image in images]) + noise).astype(np.float32)


def write_list(path: Path, pairs: list[tuple[str, str, bool]]) -> Path:
    path.write_text("".join(f"{one} {other} {int(same)}\n" for one, other, same in pairs))
    return path


def write_csv(path: Path, heading: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> dict[str, Path]:
    """Embeddings of 12 people, six to validate and six to test, their lists, and the same as score files."""
    files = {}
    for part, people in (("val", PEOPLE[:6]), ("test", PEOPLE[6:])):
        files[part] = write_list(tmp_path / f"{part}_pairs.txt", every_pair(images_of(people)))
    names = [f"elsewhere/faces/{image}" for image in images_of(PEOPLE)]
    files["npz"] = tmp_path / "embeddings.npz"
    embeddings = embeddings_of(images_of(PEOPLE), 0)
    np.savez_compressed(files["npz"], names=names, embeddings=embeddings)
    row = {image: place for place, image in enumerate(images_of(PEOPLE))}
    for part, people in (("val", PEOPLE[:6]), ("test", PEOPLE[6:])):
        pairs = every_pair(images_of(people))
        scores = cosine_scores(embeddings, [[row[one], row[other]] for one, other, _ in pairs])
        rows = [
            [f"{score:.9g}", int(same), one, other, one.split("/")[0], other.split("/")[0]]
            for (one, other, same), score in zip(pairs, scores, strict=True)
        ]
        heading = ["score", "same", "image_1", "image_2", "person_1", "person_2"]
        files[f"{part}_scores"] = write_csv(tmp_path / f"{part}_scores.csv", heading, rows)
    return files


def test_embeddings_by_name_and_their_scores_give_one_table(theirs, tmp_path, capsys):
    """Against `evaluate` and `calibrate` on plain arrays; both ways in write the same numbers."""
    out = tmp_path / "out"
    pairs = ("--pairs", theirs["test"], "--val_pairs", theirs["val"])
    assert run("evaluate", "--embeddings", theirs["npz"], *pairs, "--output", out / "npz") == 0
    printed = capsys.readouterr().out
    files = ("--scores", theirs["test_scores"], "--val_scores", theirs["val_scores"])
    assert run("evaluate", *files, "--output", out / "csv") == 0
    images = images_of(PEOPLE)
    row = {image: place for place, image in enumerate(images)}
    found = {}
    for part, people in (("val", PEOPLE[:6]), ("test", PEOPLE[6:])):
        listed = every_pair(images_of(people))
        rows = np.array([[row[one], row[other]] for one, other, _ in listed])
        found[part] = [same for _, _, same in listed], cosine_scores(embeddings_of(images, 0), rows), rows
    subjects = [image.split("/")[0] for image in images]
    chosen = calibrate(found["val"][0], scores=found["val"][1], pairs=found["val"][2], subjects=subjects)
    expected = evaluate(found["test"][0], scores=found["test"][1], pairs=found["test"][2], subjects=subjects)
    for folder in (out / "npz", out / "csv"):
        measurement = read_metrics(folder / "metrics.json")
        summary = measurement.sets["pairs"]
        assert summary.eer == pytest.approx(expected.eer)
        assert summary.interval_by_person.equal_error_rate == pytest.approx(
            expected.interval_by_person.equal_error_rate
        )
        assert measurement.calibration["threshold"] == pytest.approx(chosen["threshold"], abs=1e-6)
        assert measurement.calibration["likelihood"]["slope"] == pytest.approx(chosen["likelihood"]["slope"], rel=1e-4)
        assert summary.likelihood_cost.cllr > 0.0
        assert {"metrics.json", "pairs_scores.csv", "pairs_roc.png", "pairs_det.png"} <= {
            path.name for path in folder.iterdir()
        }
    assert read_metrics(out / "npz" / "metrics.json").sets["pairs"].identification.people == 6
    assert f"at the threshold {chosen['threshold']:.4f}, chosen on the validation pairs" in printed
    assert "95% by person" in printed
    paired = compare_paired(out / "npz", out / "csv", resamples=10).sets["pairs"]
    assert (paired.eer.difference, paired.unit, paired.mcnemar.p_value) == (0.0, "people", 1.0)


def test_looks_at_test_people_are_counted_as_test_counts_them(theirs, tmp_path, capsys, monkeypatch):
    """The list and the score file hold the same pairs; a folder beside the first looks at them too."""
    monkeypatch.chdir(tmp_path)
    listed = ("evaluate", "--embeddings", theirs["npz"], "--pairs", theirs["test"])
    assert run(*listed) == 0
    assert "this look at the test people was not counted: --output FOLDER counts looks" in capsys.readouterr().out
    said = "test people looked at by this run: "
    for folder, expected in (
        ("models/a", "pairs once"),
        ("models/a", "pairs 2 times"),
        ("models/b", "pairs once, 3 times by the 2 runs of models"),
    ):
        assert run(*listed, "--output", folder) == 0
        assert f"{said}{expected}\n" in capsys.readouterr().out
    assert run("evaluate", "--scores", theirs["test_scores"], "--output", "models/a") == 0
    assert f"{said}pairs 3 times, 4 times by the 2 runs of models\n" in capsys.readouterr().out
    assert looks_of(Path("models/a")) == {"pairs": 3}
    assert run("evaluate", "--scores", theirs["val_scores"], "--output", "models/a") == 0
    assert f"{said}pairs once\n" in capsys.readouterr().out  # other pairs


def test_no_threshold_is_claimed_without_validation_people(theirs, tmp_path, capsys):
    assert run("evaluate", "--scores", theirs["test_scores"], "--output", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "no threshold: it is chosen on pairs of validation people" in out
    assert "Cllr" not in out
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert kept["calibration"] is None
    assert kept["sets"]["pairs"]["likelihood_cost"] is None


def test_validation_people_who_are_tested_too_are_told(theirs, capsys):
    with pytest.warns(UserWarning, match="6 people are in both the val pairs and the test pairs"):
        assert run("evaluate", "--scores", theirs["test_scores"], "--val_scores", theirs["test_scores"]) == 0


def test_distances_under_other_names(tmp_path, capsys):
    generator = np.random.default_rng(0)
    same = np.arange(200) < 100
    rows = [
        [f"{value:.6f}", int(kind), "x"] for value, kind in zip(generator.uniform(size=200) + ~same, same, strict=True)
    ]
    path = write_csv(tmp_path / "d.csv", ["dist", "label", "model"], rows)
    names = ("--columns", "score=dist", "same=label")
    with pytest.warns(UserWarning, match="If these are distances, say so: --distance"):
        assert run("evaluate", "--scores", path, *names) == 0
    assert run("evaluate", "--scores", path, *names, "--distance", "--output", tmp_path / "out") == 0
    measurement = read_metrics(tmp_path / "out" / "metrics.json")
    assert measurement.score == "negative distance"
    assert measurement.sets["pairs"].eer < 0.02
    assert "no score file: the images are unknown" in capsys.readouterr().out
    other = write_csv(tmp_path / "e.csv", ["distance", "same"], [row[:2] for row in rows])
    assert run("evaluate", "--scores", other, "--output", tmp_path / "other") == 0
    assert read_metrics(tmp_path / "other" / "metrics.json").sets["pairs"].eer == measurement.sets["pairs"].eer


def test_scores_alone_in_the_order_of_a_list(theirs, tmp_path, capsys):
    """What `facerec predict` writes, and what many programs write."""
    with theirs["test_scores"].open() as file:
        scores = [[place, row["score"]] for place, row in enumerate(csv.DictReader(file))]
    path = write_csv(tmp_path / "submission.csv", ["ID", "Label"], scores)
    listed = ("--pairs", theirs["test"], "--columns", "score=Label")
    assert run("evaluate", "--scores", path, *listed, "--output", tmp_path / "a") == 0
    assert run("evaluate", "--scores", theirs["test_scores"], "--output", tmp_path / "b") == 0
    first, second = (read_metrics(tmp_path / name / "metrics.json").sets["pairs"] for name in "ab")
    assert to_plain(first) == to_plain(second)
    capsys.readouterr()
    short = write_csv(tmp_path / "short.csv", ["ID", "Label"], scores[:-1])
    assert_refused("152 scores in", capsys, "evaluate", "--scores", short, *listed)


def test_groups_of_a_score_file_and_of_a_list(theirs, tmp_path, capsys):
    """Rates of each group against a count in a plain loop."""
    sex = {person: "f" if place % 2 else "m" for place, person in enumerate(PEOPLE)}
    with theirs["test_scores"].open() as file:
        rows = list(csv.DictReader(file))
    heading = [*rows[0], "sex_1", "sex_2"]
    with_sex = [[*row.values(), sex[row["person_1"]], sex[row["person_2"]]] for row in rows]
    path = write_csv(tmp_path / "sexes.csv", heading, with_sex)
    people = write_csv(tmp_path / "people.csv", ["person", "sex"], [[person, kind] for person, kind in sex.items()])
    validation = ("--val_scores", theirs["val_scores"])
    assert run("evaluate", "--scores", path, *validation, "--output", tmp_path / "a") == 0
    listed = ("--scores", theirs["test_scores"], *validation, "--groups", people)
    assert run("evaluate", *listed, "--output", tmp_path / "b") == 0
    first, second = (read_metrics(tmp_path / name / "metrics.json") for name in "ab")
    assert to_plain(first.sets["pairs"].groups) == to_plain(second.sets["pairs"].groups)
    threshold = first.calibration["threshold"]
    for group in first.sets["pairs"].groups[0].groups:
        mine = [row for row in rows if sex[row["person_1"]] == sex[row["person_2"]] == group.name]
        wrong = [float(row["score"]) < threshold for row in mine if row["same"] == "1"]
        assert group.frr.rate == pytest.approx(np.mean(wrong))
    assert "GARBE" in capsys.readouterr().out
    assert run("evaluate", "--scores", path) == 0
    assert "no rates of groups: they are those of the model's threshold" in capsys.readouterr().out


def test_folds_and_the_grid_of_thresholds(theirs, tmp_path, capsys):
    with theirs["test_scores"].open() as file:
        rows = list(csv.DictReader(file))
    folded = [[row["score"], row["same"], place % 10] for place, row in enumerate(rows)]
    path = write_csv(tmp_path / "folds.csv", ["score", "same", "fold"], folded)
    assert run("evaluate", "--scores", path, "--fold_grid", "--output", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "accuracy, 10 folds" in out
    summary = read_metrics(tmp_path / "out" / "metrics.json").sets["pairs"]
    scores, same = np.array([float(row[0]) for row in folded]), np.array([row[1] == "1" for row in folded])
    accuracies = []
    for fold in range(10):  # the loop of lfw_eval.py
        mine = np.arange(len(rows)) % 10 == fold
        right = [((scores[~mine] >= at) == same[~mine]).mean() for at in np.arange(-1.0, 1.0, 0.005)]
        best = -1.0 + 0.005 * max(place for place, value in enumerate(right) if value == max(right))
        accuracies.append(((scores[mine] >= best) == same[mine]).mean())
    shown = f"{np.mean(accuracies):.2%} ± {np.std(accuracies):.2%}"
    for table in (out, str(summary)):  # printed, and read back
        [line] = [line for line in table.splitlines() if line.startswith("  of 400 thresholds")]
        assert line.split(maxsplit=3)[3] == shown
    assert summary.accuracy_at_grid.accuracies.tolist() == pytest.approx(accuracies)
    [number] = [number for number in numbers_of(summary) if number.name == "accuracy, 10 folds, of 400 thresholds"]
    assert number.value == shown
    assert run("evaluate", "--scores", theirs["test_scores"], "--fold_grid") == 0
    assert "it has no folds" in capsys.readouterr().out


def test_missing_embeddings_are_counted(theirs, tmp_path, capsys):
    with np.load(theirs["npz"]) as stored:
        names, embeddings = stored["names"], stored["embeddings"]
    part = tmp_path / "part.npz"
    np.savez(part, names=names[:-1], embeddings=embeddings[:-1])
    command = ("evaluate", "--embeddings", part, "--pairs", theirs["test"])
    assert_refused("1 of 18 images in", capsys, *command)
    assert run(*command, "--skip_missing", "--output", tmp_path / "out") == 1
    assert "17 pairs left out: an image of them has no embedding" in capsys.readouterr().out
    summary = read_metrics(tmp_path / "out" / "metrics.json").sets["pairs"]
    assert summary.genuine + summary.impostor == 153 - 17
    rest = tmp_path / "rest.npz"
    np.savez(rest, names=names[-1:], embeddings=embeddings[-1:])
    assert run("evaluate", "--embeddings", part, rest, "--pairs", theirs["test"]) == 0


BAD_SCORES = {
    "score,same,model\n0.5,1,x\n": "has the unknown column model. Known are score, distance, same",
    "cos,same\n0.5,1\n": "has the unknown column cos",
    "same\n1\n": "needs one column 'score' or 'distance', and has neither",
    "score,distance,same\n1,1,1\n": "and has both",
    "score,same\n0.5,1\nnan,0\n0.3,0\n": "1 of 3 scores are NaN or inf, the first in line 3",
    "score,same\n0.5,1\nhigh,0\n": ":3: the score 'high' is no number",
    "score,same\n0.5,1\n0.4,1\n": "2 genuine and 0 impostor pairs. Error rates need both kinds",
    "score,same\n0.5,1\n0.4,\n0.3,\n": "2 of 3 pairs have no label, the first in line 3",
    "score,same\n0.5,1\n0.4,2\n": ":3: same='2': give 1 for one person, 0 for two people",
    "score\n0.5\n0.4\n": "carry no labels, so nothing can be measured",
    "score,same\n0.5,1,9\n": ":2: 3 cells, and the first line names 2 columns",
    "score,same\n": "holds no pairs",
    "score,same,image_1\n0.5,1,a\n": "has one of image_1 and image_2",
    "score,same,score\n0.5,1,1\n": "has two columns of one name",
    "score,same,person_1,person_2\n0.5,1,a,a\n0.4,0,a,\n": ":3: person_1 or person_2 is empty",
    "score,same,image_1,image_2,person_1,person_2\n0.5,1,x,y,a,a\n0.4,0,x,z,b,c\n": ":3: 'x' is of 'b' here and of 'a'",
    "score,same,sex_1,sex_2\n0.5,1,f,f\n0.4,0,f,m\n": "has groups (sex) and no people",
    "score,same,person_1,person_2,sex_1,sex_2\n1,1,a,a,f,f\n0,0,a,b,m,m\n": ":3: 'a' has the sex 'm' here and 'f'",
    "score,same,fold\n0.5,1,1\n0.4,0,\n": ":3: the fold is empty",
    "": "needs one column 'score' or 'distance'",
}


@pytest.mark.parametrize("text", BAD_SCORES)
def test_each_bad_score_file_is_refused(text, tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert_refused(BAD_SCORES[text], capsys, "evaluate", "--scores", path, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


BAD_EMBEDDINGS = {
    "no names": ({"embeddings": np.eye(2)}, "it has no names, but embeddings"),
    "one long": ({"names": ["a", "b"], "embeddings": np.ones(2)}, "holds names (2,) and embeddings (2,)"),
    "objects": (
        {"names": ["a"], "embeddings": np.array([[1.0], [1.0, 2.0]], dtype=object)},
        "is no file of embeddings",
    ),
    "nan": (
        {"names": ["a", "b"], "embeddings": [[1.0, np.nan], [1.0, 0.0]]},
        "contain NaN or inf: 1 of 2, the first of a",
    ),
    "twice": ({"names": ["a", "a"], "embeddings": np.eye(2)}, "1 of 2 names come twice, such as 'a'"),
}


@pytest.mark.parametrize("kind", BAD_EMBEDDINGS)
def test_each_bad_file_of_embeddings_is_refused(kind, tmp_path, capsys):
    arrays, message = BAD_EMBEDDINGS[kind]
    path, listed = tmp_path / "bad.npz", write_list(tmp_path / "pairs.txt", [("a", "b", True), ("b", "c", False)])
    np.savez(path, **arrays)
    assert_refused(message, capsys, "evaluate", "--embeddings", path, "--pairs", listed)


def test_files_of_two_models_are_refused(theirs, tmp_path, capsys):
    other = tmp_path / "other.npz"
    np.savez(other, names=["x"], embeddings=np.ones((1, 4)))
    command = ("evaluate", "--embeddings", theirs["npz"], other, "--pairs", theirs["test"])
    assert_refused("holds embeddings of 4 numbers and", capsys, *command)
    np.savez(other, names=["x"], embeddings=np.ones((1, 8)), fingerprint="0123")
    assert_refused("was made by the model 0123", capsys, *command)
    other.write_text("text")
    assert_refused("it is no .npz", capsys, *command)
    unlabelled = tmp_path / "unlabelled.txt"
    unlabelled.write_text("s06/0.png s06/1.png\n")
    assert_refused("carry no labels", capsys, "evaluate", "--embeddings", theirs["npz"], "--pairs", unlabelled)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--scores", "a.csv", "--onnx", "b.onnx"), "not allowed with argument --scores"),
        (("--embeddings", "a.npz"), "--embeddings needs --pairs LIST"),
        (("--onnx", "a.onnx"), "--onnx needs --data.root DIR"),
        (("--onnx", "a.onnx", "--pairs", "b.txt"), "needs --images FOLDER"),
        (("--scores", "a.csv", "--pixels", "unchanged"), "--pixels has no use with --scores"),
        (("--embeddings", "a.npz", "--pairs", "b", "--distance"), "--distance has no use with --embeddings"),
        (("--scores", "a.csv", "--val_pairs", "b.txt"), "--val_pairs belongs to --pairs"),
        (("--scores", "a.csv", "--calibrate_at", "2"), "give eer, accuracy or a FAR"),
        (("--scores", "a.csv", "--name", "a/b"), "names hold no '/'"),
    ],
)
def test_options_that_do_not_go_together(options, message, capsys):
    assert_refused(message, capsys, "evaluate", *options)


def test_a_run_and_its_export_are_the_same(run_copy, tmp_path, capsys):
    """`facerec test` of a run beside `facerec evaluate` of its ONNX file and of its embeddings, compared in pairs."""
    images = tmp_path / "faces"
    for person in range(31, 41):
        for image in range(1, 4):
            save_face(person, image, images / "ver_data" / f"s{person}" / f"{image}.png")
    names = [f"s{person}/{image}.png" for person in range(31, 41) for image in range(1, 4)]
    write_list(images / "test_pairs.txt", every_pair(names))
    model = ("--ckpt_path", run_copy)
    assert run("test", *model, "--data.root", images, "--trainer.enable_progress_bar=false") == 0
    assert run("export", *model, "--output", "model.onnx") == 0
    assert run("evaluate", "--onnx", "model.onnx", "--data.root", images, "--output", "theirs") == 0
    assert run("embed", images / "ver_data", *model, "--output", "embeddings.npz") == 0
    listed = ("--pairs", images / "test_pairs.txt")
    assert run("evaluate", "--embeddings", "embeddings.npz", *listed, "--output", "again") == 0
    own = read_metrics(run_copy / "test_faces" / "metrics.json").sets["pairs"]
    for folder in ("theirs", "again"):
        found = read_metrics(Path(folder) / "metrics.json").sets["pairs"]
        assert (found.genuine, found.impostor) == (own.genuine, own.impostor)
        assert found.eer == pytest.approx(own.eer, abs=0.02)
        assert found.auc == pytest.approx(own.auc, abs=1e-3)
        assert found.identification.cmc[0] == pytest.approx(own.identification.cmc[0], abs=0.04)
    assert (Path("theirs") / "pairs_false_accepts.png").is_file()
    capsys.readouterr()
    again = ("evaluate", "--onnx", "model.onnx", "--data.root", images, "--pixels", "unchanged")
    assert_refused("was written by `facerec export` and says how to prepare images", capsys, *again)
    assert run("compare", "--paired", "theirs", run_copy / "test_faces") == 0
    out = capsys.readouterr().out
    assert "not distinguishable on these 10 people" in out
    assert "Intervals by person" in out
    assert run("plot", "roc", "theirs", "-o", "roc.png") == 0


def test_a_model_built_by_hand_sees_the_pixels_that_the_options_say(tmp_path, capsys):
    """Its scores against cosines in NumPy."""
    people = range(1, 5)
    for person in people:
        for image in (1, 2, 3):
            save_face(person, image, tmp_path / "faces" / f"s{person}" / f"{image}.png")
    names = [f"s{person}/{image}.png" for person in people for image in (1, 2, 3)]
    listed = write_list(tmp_path / "pairs.txt", every_pair(names))
    model = build(tmp_path / "hand.onnx")
    command = ("evaluate", "--onnx", model, "--pairs", listed, "--images", tmp_path / "faces")
    preparation = ("--pixels", "over_128", "--channels", "BGR", "--flip_test", "concatenate")
    assert run(*command, *preparation, "--faces", "false", "--output", tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert "images: 6 x 5, BGR, (p - 127.5) / 128" in captured.err
    source = ListPairs(str(tmp_path / "faces"), str(listed))
    network = ForeignOnnx(model, None, PIXEL_SCALES["over_128"], "BGR", "concatenate")
    embeddings = np.concatenate([network(source.read(index)[None]).numpy() for index in range(len(source))])
    unit = embeddings.astype(np.float64) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    with (tmp_path / "out" / "pairs_scores.csv").open() as file:
        kept = [float(row["score"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(kept, (unit[source.pairs[:, 0]] * unit[source.pairs[:, 1]]).sum(1), atol=1e-5)
    measurement = read_metrics(tmp_path / "out" / "metrics.json")
    assert (measurement.flip_test, measurement.checkpoint, measurement.score) == ("concatenate", str(model), "cosine")
    assert not list((tmp_path / "out").glob("*false*"))
    scaled = build(tmp_path / "scaled.onnx", first="Sub")
    with pytest.warns(UserWarning, match="begins with Sub: it may scale its pixels itself"):
        assert run("evaluate", "--onnx", scaled, "--pairs", listed, "--images", tmp_path / "faces") == 0
    capsys.readouterr()
    assert_refused("give --pixel_mean and --pixel_std together", capsys, *command, "--pixel_mean", 1)
    assert_refused("--image_size 112 112", capsys, *command, "--image_size", 112, 112)
    (tmp_path / "faces" / "s1" / "1.png").write_text("text")
    assert_refused("does not decode", capsys, *command)
