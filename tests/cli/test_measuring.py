"""`facerec validate` and `test` on the checkpoints of a run."""

import csv
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import yaml

from facerec.cli import main
from facerec.metrics import equal_error_rate
from tests.cli.conftest import assert_refused, best_file, events
from tests.conftest import save_face


def test_test_and_validate_from_the_checkpoint_alone(run_copy, capsys):
    config_before = (run_copy / "config.yaml").read_text()
    main(["test", "--ckpt_path", str(best_file(run_copy))])
    table = capsys.readouterr().out
    for row in ("genuine pairs +450", "impostor pairs +4500", r"EER +[\d.]+%", r"95% by person +[\d.]+% - [\d.]+%"):
        assert re.search(row, table), row
    assert "too few impostors (4500)" in table
    check_kept(run_copy / "test")
    assert "dev accuracy" in table
    assert "chosen on the validation pairs" in table
    main(["validate", "--ckpt_path", str(best_file(run_copy))])
    assert re.search(r"genuine pairs +270\nimpostor pairs +1500\n", capsys.readouterr().out)
    assert (run_copy / "config.yaml").read_text() == config_before
    assert not run_copy.with_name("version_1").exists()  # kept with the run they measure
    scalars = set(events(run_copy).Tags()["scalars"])
    assert {"verdict/test/eer", "verdict/test/orl/eer", "verdict/test/orl/far_at_calibrated"} <= scalars
    assert not [name for name in scalars if name.startswith("test/")]  # TensorBoard would show it before the curves


def check_kept(folder: Path) -> None:
    """What an evaluation leaves behind agrees with itself."""
    kept = json.loads((folder / "metrics.json").read_text())
    numbers = kept["sets"]["orl"]
    rows = list(csv.DictReader((folder / "orl_scores.csv").open()))
    scores, same = [float(row["score"]) for row in rows], [int(row["same"]) for row in rows]
    assert len(rows) == 4950
    assert rows[0]["image_1"].endswith("s31/1.pgm")
    assert equal_error_rate(scores, same) == (pytest.approx(numbers["eer"]), pytest.approx(numbers["threshold"]))
    assert numbers["eer"] == pytest.approx(kept["logged"]["test/orl/eer"], abs=1e-6)
    low, high = numbers["interval_by_person"]["equal_error_rate"]
    assert low < numbers["eer"] < high
    assert [point["supported"] for point in numbers["tar_at_far"]] == [True, True, False, False]
    identification = numbers["identification"]
    assert identification["people"] == 10
    low, high = identification["cmc_interval_by_person"][0]
    assert low <= identification["cmc"][0] <= high
    assert low < high
    assert identification["tpir"][0]["interval_by_person"][0] < identification["tpir"][0]["tpir"]
    drawn = {path.stem for path in folder.glob("*.png")}
    assert drawn == {f"orl_{kind}" for kind in ("roc", "det", "cmc", "false_accepts", "false_rejects")}
    assert {f"verdict/test/{stem.replace('_', '/', 1)}" for stem in drawn} <= set(
        events(folder.parent).Tags()["images"]
    )


def test_what_is_measured_later_stands_at_the_step_of_its_weights(run_copy):
    path = best_file(run_copy)
    step = torch.load(path, weights_only=True)["global_step"]
    trained = {scalar.step for scalar in events(run_copy).Scalars("val/eer")}
    for command in ("validate", "test"):
        main([command, "--ckpt_path", str(path)])
    assert {scalar.step for scalar in events(run_copy).Scalars("val/eer")} == trained
    assert [scalar.step for scalar in events(run_copy).Scalars("verdict/test/eer")] == [step - 1]
    assert [image.step for image in events(run_copy).Images("verdict/test/orl/roc")] == [step - 1]


def test_another_threshold_and_score_by_option(run_copy, capsys):
    best = str(best_file(run_copy))
    main(["validate", "--ckpt_path", best, "--verification.calibrate_at=0.01", "--verification.store=true"])
    assert "far=0.01 of the validation pairs" in capsys.readouterr().out
    stored = torch.load(best, weights_only=True)["facerec"]["calibration"]
    assert stored["method"] == "far=0.01"
    assert stored["far"] <= 0.01
    main(["test", "--ckpt_path", best, "--verification.score=euclidean"])
    out = capsys.readouterr().out
    assert "one of cosine scores; it says nothing about euclidean scores" in out
    main(["test", "--ckpt_path", best, "--verification.as_norm=10"])
    assert json.loads((run_copy / "test" / "metrics.json").read_text())["score"] == "cosine as-norm 10"


def test_the_validation_eer_of_the_best_checkpoint_is_the_one_that_chose_it(run_copy, capsys):
    best = best_file(run_copy)
    eer = {scalar.step + 1: scalar.value for scalar in events(run_copy).Scalars("val/eer")}
    candidates_after = yaml.safe_load((run_copy / "config.yaml").read_text())["checkpoint"]["candidates_after"]
    candidates = {step: value for step, value in eer.items() if step > candidates_after * max(eer)}
    chosen = torch.load(best, weights_only=True)["global_step"]
    assert (len(candidates), len(eer)) == (1, 2)  # the first epoch's EER must not count, even if it is lower
    assert chosen == min(candidates, key=candidates.__getitem__)
    main(["validate", "--ckpt_path", str(best)])
    shown = float(re.search(r"EER +([\d.]+)%", capsys.readouterr().out)[1]) / 100
    assert shown == pytest.approx(eer[chosen], abs=6e-5)


def test_other_people_can_be_evaluated(run_copy, vggface_root, capsys):
    main(["test", "--ckpt_path", str(best_file(run_copy)), "--data.root", str(vggface_root)])
    out = capsys.readouterr()
    assert re.search(r"genuine pairs +6\nimpostor pairs +9\n", out.out)
    assert re.search(r"95% by person +people unknown\n", out.out)  # the images are in one folder
    assert "dev accuracy (" not in out.out  # these dev people were not trained on
    assert (run_copy / "test_faces" / "metrics.json").is_file()
    assert not (run_copy / "test").exists()  # what the run gives on its own data


def test_people_the_model_was_trained_on_are_told_in_a_test(run_copy, tmp_path):
    for person in ("s01", "s40"):
        for image in (1, 2):
            save_face(int(person[1:]) % 10 + 1, image, tmp_path / "seen" / "ver_data" / person / f"{image}.png")
    (tmp_path / "seen" / "test_pairs.txt").write_text("s01/1.png s01/2.png 1\ns01/1.png s40/1.png 0\n")
    with pytest.warns(UserWarning, match=r"1 person is in both the training people of the model and .* \('s01'\)"):
        main(["test", "--ckpt_path", str(best_file(run_copy)), "--data.root", str(tmp_path / "seen")])


def test_evaluation_computes_as_every_use_does_whatever_the_training_did(run_copy, tmp_path, capsys):
    """In float32, and so that verify gives the same scores; kept with the run wherever it is called from."""
    checkpoint = best_file(run_copy.absolute())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)  # run_copy puts it back
    main(["test", "--ckpt_path", str(checkpoint)])
    said = capsys.readouterr().out
    results = checkpoint.parents[1] / "test"
    assert f"numbers, scores and figures: {results}" in said
    assert not (elsewhere / "runs").exists()
    assert json.loads((results / "metrics.json").read_text())["precision"] == "32-true"
    with (results / "orl_scores.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    with suppress(SystemExit):  # different people
        main(["verify", row["image_1"], row["image_2"], "--ckpt_path", str(checkpoint)])
    score = float(re.search(r"score +(-?[\d.]+)", capsys.readouterr().out)[1])
    assert score == pytest.approx(float(row["score"]), abs=1e-4)
    main(["test", "--ckpt_path", str(checkpoint), "--trainer.precision", "bf16-mixed"])
    assert json.loads((results / "metrics.json").read_text())["precision"] == "bf16-mixed"


def test_the_mirror_image_is_a_choice_of_the_measurement(run_copy, recwarn, capsys):
    """It wins over the checkpoint's, and a threshold of other views is neither applied nor kept."""
    best = str(best_file(run_copy))

    def measured(*options):
        main(["test", "--ckpt_path", best, *options])
        return json.loads((run_copy / "test" / "metrics.json").read_text())

    ways = (["--model.flip_test=false"], ["--model.flip_test=concatenate"], [])
    plain, both, same = (measured(*options) for options in ways)
    assert [found["flip_test"] for found in (plain, both, same)] == [None, "concatenate", "sum"]
    assert [found["calibration"] is None for found in (plain, both, same)] == [True, True, False]
    assert len({found["sets"]["orl"]["eer"] for found in (plain, both, same)}) > 1
    assert not any("overrides model.flip_test" in str(warning.message) for warning in recwarn)
    capsys.readouterr()
    said = "--verification.store and --model.flip_test cannot be combined"
    options = ["--model.flip_test=false", "--verification.store=true"]
    assert_refused(said, capsys, "validate", "--ckpt_path", best, *options)


@pytest.mark.parametrize("limit", ["fast_dev_run=true", "limit_val_batches=2", "limit_val_batches=0.5"])
def test_a_threshold_of_some_of_the_pairs_is_not_stored(limit, run_copy, capsys):
    best = best_file(run_copy)
    before = best.read_bytes()
    name = limit.split("=")[0]
    said = f"--verification.store and --trainer.{name} cannot be combined: the threshold would be that of some of the"
    options = [f"--trainer.{limit}", "--verification.store=true"]
    assert_refused(said, capsys, "validate", "--ckpt_path", best, *options)
    assert best.read_bytes() == before


def test_a_fast_development_run_writes_no_report(run_copy, capsys):
    before = sorted(run_copy.rglob("*"))
    settings = ["--trainer.fast_dev_run=1", "--data.eval_batch_size=100"]
    main(["test", "--ckpt_path", str(best_file(run_copy)), *settings])
    assert "genuine pairs" not in capsys.readouterr().out
    assert sorted(run_copy.rglob("*")) == before


@pytest.mark.parametrize("command", ["test", "validate"])
def test_an_evaluation_needs_a_checkpoint(command, capsys):
    assert_refused("give --ckpt_path runs/NAME", capsys, command)
