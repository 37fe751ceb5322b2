"""`facerec fit`, `validate` and `test`, run as a user runs them."""

import csv
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.cli import main, training
from facerec.metrics import equal_error_rate
from facerec.recognizer import FaceRecognizer
from tests.cli.stop import Witness
from tests.conftest import SMALL, save_face

EXPERIMENTS = sorted(Path(__file__).parents[2].joinpath("experiments").glob("*.yaml"))
ORL_YAML = next(path for path in EXPERIMENTS if path.stem == "orl_resnet18_arcface")


def events(run: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(run), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def last(run: Path) -> dict:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")


def best_file(run: Path) -> Path:
    return next((run / "checkpoints").glob("best-*.ckpt"))


def test_both_checkpoints_load_without_unpickling_code_and_describe_themselves(orl_run):
    for path in (orl_run / "checkpoints" / "last.ckpt", best_file(orl_run)):
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["facerec"]["identities"] == [f"s{person:02d}" for person in range(1, 25)]
        assert set(checkpoint["facerec"]["calibration"]) == {"threshold", "far", "frr", "method", "score"}
        assert checkpoint["hyper_parameters"]["image_size"] == [32, 32]
        assert yaml.safe_load(checkpoint["facerec_config"])["model"]["image_size"] == [32, 32]


def test_tensorboard_shows_what_the_readme_promises(orl_run):
    accumulator = events(orl_run)
    tags = accumulator.Tags()
    expected = {
        "train/loss",
        "train/learning_rate",
        "train/images_per_second",
        "val/accuracy",
        "val/eer",
        "val/orl/eer",
    }
    assert expected <= set(tags["scalars"])
    assert len(accumulator.Scalars("val/orl/eer")) == 2  # one an epoch
    assert [image.width > 500 for image in accumulator.Images("val/orl")] == [True, True]
    text = accumulator.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "class_path: facerec.losses.ArcFace" in text


def test_saved_config_is_complete_and_repeats_the_run(orl_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(orl_run / "config.yaml")])
    again = last(tmp_path / "runs" / "orl_resnet18_arcface" / "version_0")
    for name, weight in last(orl_run)["state_dict"].items():
        torch.testing.assert_close(again["state_dict"][name], weight, rtol=0, atol=0)


def test_the_default_is_the_experiment():
    default = Path(__file__).parents[2] / "facerec" / "default.yaml"
    assert default.read_bytes() == ORL_YAML.read_bytes()


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
@pytest.mark.parametrize("form", [["-c", "own.yaml"], ["-c=own.yaml"], ["-cown.yaml"], ["--config", "own.yaml"]])
def test_the_short_form_of_config_is_a_config(command, form, monkeypatch):
    """Else the embedded default (ORL faces) lies beneath the user's file."""
    seen = []
    monkeypatch.setattr(training, "FaceCLI", lambda experiment, arguments: seen.append((experiment, arguments)))
    main([command, *form, "--seed_everything", "1"])
    [(experiment, arguments)] = seen
    assert experiment == "own"
    assert " ".join(arguments).replace("=", " ") == f"{command} --config own.yaml --seed_everything 1"


def test_resumed_run_is_the_uninterrupted_run(tmp_path, monkeypatch, orl_run):
    """Killed after one epoch and resumed, the second epoch sees the same images, draws and learning rates."""
    monkeypatch.chdir(tmp_path)
    main(
        ["fit", *SMALL, "--trainer.max_epochs=2", "--trainer.max_steps=-1", "--trainer.callbacks+=tests.cli.stop.Stop"]
    )
    first = Path("runs", "orl_resnet18_arcface", "version_0")
    assert last(first)["epoch"] == 0
    main(["fit", "--ckpt_path", str(first / "checkpoints" / "last.ckpt"), "--trainer.callbacks=[]"])
    resumed = last(Path("runs", "orl_resnet18_arcface", "version_1"))
    whole = last(orl_run)
    assert resumed["global_step"] == whole["global_step"]
    for name, weight in whole["state_dict"].items():
        torch.testing.assert_close(resumed["state_dict"][name], weight, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_holds_the_threshold_of_its_own_weights_alone(tmp_path, monkeypatch):
    """The third epoch ends without a validation, and the second's threshold is not its own."""
    monkeypatch.chdir(tmp_path)
    every_second = ["--trainer.check_val_every_n_epoch=2", "--checkpoint.candidates_after=0"]
    main(["fit", *SMALL, "--trainer.max_epochs=3", *every_second])
    run = Path("runs", "orl_resnet18_arcface", "version_0")
    validated = torch.load(best_file(run), weights_only=True)
    assert (validated["global_step"], last(run)["global_step"]) == (12, 18)
    assert validated["facerec"]["calibration"]
    assert last(run)["facerec"]["calibration"] is None
    main(["validate", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), "--verification.store=true"])
    assert last(run)["facerec"]["calibration"]


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
    assert {"test/eer", "test/orl/eer", "test/orl/far_at_calibrated"} <= set(events(run_copy).Tags()["scalars"])


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
    assert {f"test/{stem.replace('_', '/', 1)}" for stem in drawn} <= set(events(folder.parent).Tags()["images"])


def test_what_is_measured_later_stands_at_the_step_of_its_weights(run_copy):
    path = best_file(run_copy)
    step = torch.load(path, weights_only=True)["global_step"]
    trained = {scalar.step for scalar in events(run_copy).Scalars("val/eer")}
    for command in ("validate", "test"):
        main([command, "--ckpt_path", str(path)])
    assert {scalar.step for scalar in events(run_copy).Scalars("val/eer")} == trained
    assert [scalar.step for scalar in events(run_copy).Scalars("test/eer")] == [step - 1]
    assert [image.step for image in events(run_copy).Images("test/orl/roc")] == [step]


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
    with pytest.warns(UserWarning, match="1 people of the test pairs are called as people that .* trained on, 's01'"):
        main(["test", "--ckpt_path", str(best_file(run_copy)), "--data.root", str(tmp_path / "seen")])


def test_config_and_checkpoint_together_say_what_the_checkpoint_overrides(run_copy, recwarn):
    arguments = ["test", "--config", str(run_copy / "config.yaml"), "--model.loss.init_args.scale=7"]
    main([*arguments, "--ckpt_path", str(best_file(run_copy))])
    messages = [str(warning.message) for warning in recwarn]
    overridden = [message for message in messages if "the checkpoint overrides" in message]
    assert len(overridden) == 1
    assert "model.loss.init_args.scale: 7.0 becomes" in overridden[0]


def test_load_from_checkpoint_in_python(orl_run):
    model = FaceRecognizer.load_from_checkpoint(best_file(orl_run), map_location="cpu").eval()
    images = torch.randint(0, 256, (2, 3, 112, 92), dtype=torch.uint8)
    embeddings = model(images)
    assert embeddings.shape == (2, 16)
    assert embeddings.dtype == torch.float32
    assert model.calibration is not None
    assert len(model.identities) == 24


def test_training_goes_on_only_with_the_same_people(run_copy, vggface_root, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--ckpt_path", str(best_file(run_copy)), "--data.root", str(vggface_root)])
    assert stopped.value.code == 1
    assert "trained on 24 people and the data has 4" in capsys.readouterr().err


def test_a_training_that_ends_before_its_first_validation_says_so(vggface_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="max_epochs=1 ends before the first validation .*check_val_every_n_epoch=5"):
        main(
            [
                "fit",
                *SMALL,
                "--data.root",
                str(vggface_root),
                "--data.batch_size=4",
                "--trainer.max_epochs=1",
                "--trainer.check_val_every_n_epoch=5",
            ]
        )


def test_own_folder_with_the_default_settings(vggface_root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["fit", *SMALL, "--data.root", str(vggface_root), "--data.batch_size=4"])
    checkpoint = last(Path("runs", "orl_resnet18_arcface", "version_0"))
    assert checkpoint["facerec"]["identities"] == [f"n{person:06d}" for person in range(1, 5)]


@pytest.mark.parametrize(("reduce", "features"), [("flatten", 32 * 3 * 4), ("depthwise", 32)])
def test_the_backbone_follows_the_image_size(reduce, features, tmp_path, monkeypatch, capsys):
    """Through training, resuming and measuring, with no other setting; other keys of the head stay the experiment's."""
    monkeypatch.chdir(tmp_path)
    short = ["--trainer.limit_train_batches=1", "--trainer.limit_val_batches=0", "--trainer.max_epochs=1"]
    head = f"--model.backbone.init_args.head.reduce={reduce}"
    main(["fit", *SMALL, *short, "--model.image_size=[96,112]", head])
    runs = Path("runs", "orl_resnet18_arcface")
    trained = last(runs / "version_0")
    assert trained["state_dict"]["backbone.head.linear.weight"].shape == (16, features)
    saved = trained["hyper_parameters"]["backbone"]["init_args"]["head"]
    settings = {"reduce": reduce, "dropout": 0.2, "batch_norm": True}
    assert saved == {"feature_norm": False, "embedding_dropout": 0.0, **settings}
    configured = yaml.safe_load((runs / "version_0" / "config.yaml").read_text())
    assert configured["model"]["backbone"]["init_args"]["head"] == saved
    checkpoint = str(runs / "version_0" / "checkpoints" / "last.ckpt")
    main(["fit", "--ckpt_path", checkpoint, "--trainer.max_epochs=2"])
    assert last(runs / "version_1")["global_step"] == 2 * trained["global_step"]
    main(["test", "--ckpt_path", checkpoint])
    assert "genuine pairs" in capsys.readouterr().out


def test_a_head_keeps_what_its_family_sets_and_what_is_not_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = yaml.safe_load(ORL_YAML.read_text())
    own["model"]["backbone"] = {"class_path": "MobileFaceNet", "init_args": {"head": {"dropout": 0.3}}}
    Path("own.yaml").write_text(yaml.safe_dump(own))
    once = ["--trainer.max_steps=1", "--trainer.limit_val_batches=0", "--data.num_workers=0"]
    small = ["--model.image_size=[32,32]", "--model.backbone.width_multiplier=0.1"]
    main(["fit", "-c", "own.yaml", *once, *small, "--model.backbone.head.embedding_dropout=0.1"])
    saved = last(Path("runs", "own", "version_0"))["hyper_parameters"]["backbone"]["init_args"]["head"]
    assert (saved["reduce"], saved["dropout"], saved["embedding_dropout"]) == ("depthwise", 0.3, 0.1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("dropout=0.5", "did you mean 'head.dropout'?"),
        ("head=flatten", "head is a group of settings: give them by name, such as head.NAME=VALUE"),
        ("head.reduce=mean", "['pool', 'flatten', 'depthwise']"),
        ("head.dropout=1.0", "head.dropout=1.0: must be in [0, 1)"),
    ],
)
def test_a_wrong_setting_of_the_head_is_answered(option, said, capsys):
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, f"--model.backbone.init_args.{option}"])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_takes_one_step_of_each_kind(path, vggface_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(path.read_text())
    assert "root" not in settings["data"], "machine paths stay out of experiments"
    small = [
        "--trainer.fast_dev_run=1",
        "--trainer.accelerator=cpu",
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--data.batch_size=4",
        "--data.num_workers=0",
    ]
    if "train" not in settings["data"]:
        small += ["--data.root", str(vggface_root)]
    main(["fit", "--config", str(path), *small])


def test_bfloat16_autocast_trains_and_the_loss_stays_in_float32(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    original = FaceRecognizer.training_step

    def spy(self, batch, batch_idx):
        loss = original(self, batch, batch_idx)
        seen.append((loss.dtype, self.loss.weight.dtype))
        return loss

    monkeypatch.setattr(FaceRecognizer, "training_step", spy)
    main(["fit", *SMALL, "--trainer.precision=bf16-mixed", "--trainer.max_epochs=1"])
    assert set(seen) == {(torch.float32, torch.float32)}
    assert all(
        weight.isfinite().all() for weight in last(Path("runs/orl_resnet18_arcface/version_0"))["state_dict"].values()
    )


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
    with pytest.raises(SystemExit):
        main(["validate", "--ckpt_path", best, "--model.flip_test=false", "--verification.store=true"])
    assert "a threshold of other views than the checkpoint uses" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["fast_dev_run=true", "limit_val_batches=2", "limit_val_batches=0.5"])
def test_a_threshold_of_some_of_the_pairs_is_not_stored(limit, run_copy, capsys):
    best = best_file(run_copy)
    before = best.read_bytes()
    with pytest.raises(SystemExit):
        main(["validate", "--ckpt_path", str(best), f"--trainer.{limit}", "--verification.store=true"])
    assert f"a threshold of some of the pairs: leave --trainer.{limit.split('=')[0]} out" in capsys.readouterr().err
    assert best.read_bytes() == before


def test_a_fast_development_run_writes_no_report(run_copy, capsys):
    before = sorted(run_copy.rglob("*"))
    settings = ["--trainer.fast_dev_run=1", "--data.eval_batch_size=100"]
    main(["test", "--ckpt_path", str(best_file(run_copy)), *settings])
    assert "genuine pairs" not in capsys.readouterr().out
    assert sorted(run_copy.rglob("*")) == before


def test_a_far_that_the_pairs_cannot_support_is_refused_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, "--verification.calibrate_at=0.000001"])
    captured = capsys.readouterr()
    assert "impostor pairs cannot support this FAR" in captured.err
    assert "Epoch 0" not in captured.out


@pytest.mark.parametrize(
    ("option", "status", "said"),
    [
        ("--checkpoint.monitor=val/err", 1, "checkpoint.monitor=val/err: the validation gives val/eer, val/orl/eer"),
        ("--checkpoint.mode=mx", 2, "mx"),
        ("--trainer.max_epochs=-1", 1, "model.schedule needs the length of the training: give trainer.max_epochs or"),
        ("--checkpoint.save_top_k=-2", 1, "Invalid value for save_top_k=-2"),  # Lightning's own exception
    ],
)
def test_a_bad_setting_is_refused_in_a_line_before_training(option, status, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *SMALL, option])
    captured = capsys.readouterr()
    assert stopped.value.code == status
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.rglob("*.ckpt"))


def test_one_callback_needs_no_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", *SMALL, "--trainer.fast_dev_run=true", "--trainer.callbacks=EMAWeightAveraging"])
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize("command", ["validate", "test"])
@pytest.mark.parametrize("named", ["tests.cli.stop.Witness", [{"class_path": "tests.cli.stop.Witness"}]])
def test_a_callback_that_a_checkpoint_names_is_not_built_to_measure_it(command, named, run_copy):
    """A checkpoint may be someone else's."""
    checkpoint = last(run_copy)
    settings = yaml.safe_load(checkpoint["facerec_config"])
    settings["trainer"]["callbacks"] = named
    path = run_copy / "checkpoints" / "strange.ckpt"
    torch.save(checkpoint | {"facerec_config": yaml.safe_dump(settings)}, path)
    Witness.built = 0
    main([command, "--ckpt_path", str(path)])
    assert Witness.built == 0
    main([command, "--ckpt_path", str(path), "--trainer.callbacks+=tests.cli.stop.Witness"])
    assert Witness.built == 1  # the user's own


def test_what_a_measurement_takes_of_a_checkpoints_trainer():
    plain = {"accelerator": "cpu", "devices": 2, "precision": "bf16-mixed", "logger": False}
    classes = {"callbacks": ["a.B"], "plugins": ["a.B"], "profiler": "a.B", "strategy": {"class_path": "a.B"}}
    assert training._without_extensions(plain | classes) == plain
    assert training._without_extensions({"logger": {"class_path": "a.B"}, "accelerator": "a.B"}) == {}


@pytest.mark.parametrize("command", ["validate", "test"])
def test_what_is_no_checkpoint_is_named(command, tmp_path):
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    with pytest.raises(SystemExit, match=r"text.ckpt does not load as a checkpoint of `facerec fit`"):
        main([command, "--ckpt_path", str(tmp_path / "text.ckpt")])
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(
        SystemExit, match=r"model.onnx is what `facerec export` made: this command needs the checkpoint"
    ):
        main([command, "--ckpt_path", str(tmp_path / "model.onnx")])
