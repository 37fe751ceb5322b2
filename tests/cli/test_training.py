"""`facerec fit`, run as a user runs it."""

import signal
from pathlib import Path

import pytest
import torch
import yaml

from facerec.cli import main, training
from facerec.recognizer import FaceRecognizer
from tests.cli.conftest import assert_refused, best_file, events, last, run
from tests.conftest import SMALL


def test_both_checkpoints_load_without_unpickling_code_and_describe_themselves(orl_run):
    for path in (orl_run / "checkpoints" / "last.ckpt", best_file(orl_run)):
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["facerec"]["identities"] == [f"s{person:02d}" for person in range(1, 25)]
        assert set(checkpoint["facerec"]["calibration"]) == {
            "threshold",
            "far",
            "frr",
            "method",
            "score",
            "pairs",
            "likelihood",
        }
        assert checkpoint["hyper_parameters"]["image_size"] == [32, 32]
        assert yaml.safe_load(checkpoint["facerec"]["configuration"])["model"]["image_size"] == [32, 32]


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


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
@pytest.mark.parametrize("form", [["-c", "own.yaml"], ["-c=own.yaml"], ["-cown.yaml"], ["--config", "own.yaml"]])
def test_the_short_form_of_config_is_a_config(command, form, tmp_path, monkeypatch):
    """Else the embedded default (ORL faces) lies beneath the user's file."""
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("data: {root: x}\n")
    seen = []
    monkeypatch.setattr(training, "FaceCLI", lambda experiment, arguments, _: seen.append((experiment, arguments)))
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
    resumed = last(first)
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
        main(
            ["fit", "--ckpt_path", str(best_file(run_copy)), "--data.root", str(vggface_root), "--trainer.max_epochs=3"]
        )
    assert stopped.value.code == 2
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
    assert last(runs / "version_0")["global_step"] == 2 * trained["global_step"]
    main(["test", "--ckpt_path", checkpoint])
    assert "genuine pairs" in capsys.readouterr().out


def test_a_head_keeps_what_its_family_sets_and_what_is_not_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = yaml.safe_load(training.DEFAULT_CONFIG.read_text())
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
        ("head.reduce=mean", "expected 'pool', 'flatten' or 'depthwise'"),
        ("head.dropout=1.0", "head.dropout=1.0: must be in [0, 1)"),
    ],
)
def test_a_wrong_setting_of_the_head_is_answered(option, said, capsys):
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, f"--model.backbone.init_args.{option}"])
    assert said in capsys.readouterr().err


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


def test_a_far_that_the_pairs_cannot_support_is_refused_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, "--verification.calibrate_at=0.000001"])
    captured = capsys.readouterr()
    assert "impostor pairs cannot support this FAR" in captured.err
    assert "Epoch 0" not in captured.out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--checkpoint.monitor=val/err", "checkpoint.monitor=val/err: the validation gives val/eer, val/orl/eer"),
        (
            "--model.schedule=Plateau --model.schedule.monitor=val/err",
            "model.schedule.monitor=val/err: the validation gives",
        ),
        (
            "--model.schedule=Plateau --model.schedule.monitor=val_ema/eer",
            "monitor=val_ema/eer: the validation gives val/eer",
        ),
        ("--checkpoint.mode=mx", "mx"),
        ("--trainer.max_epochs=-1", "model.schedule needs the length of the training: give trainer.max_epochs or"),
        ("--checkpoint.save_top_k=-2", "Invalid value for save_top_k=-2"),  # Lightning's own exception
    ],
)
def test_a_bad_setting_is_refused_in_a_line_before_training(option, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *SMALL, *option.split()])
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert not list(tmp_path.rglob("events*"))
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.rglob("*.ckpt"))


def test_one_callback_needs_no_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", *SMALL, "--trainer.fast_dev_run=true", "--trainer.callbacks=LearningRateMonitor"])
    assert not list(tmp_path.rglob("*.ckpt"))


def test_bad_settings_are_told_in_a_line(capsys):
    assert_refused("ResNet depth=19: choose one of 18, 34", capsys, "fit", "--model.backbone.init_args.depth=19")


def test_missing_checkpoint_is_named(capsys):
    assert_refused("no checkpoint none.ckpt", capsys, "test", "--ckpt_path", "none.ckpt")


def test_an_interrupted_training_is_status_130(tmp_path, monkeypatch, capsys):
    """Lightning itself would end with 1, and leave Ctrl-C without effect."""
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGINT)
    options = ["--trainer.fast_dev_run=true", "--trainer.callbacks+=tests.cli.stop.Interrupt"]
    try:
        assert run("fit", *SMALL, *options) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert capsys.readouterr().err.endswith("facerec fit: interrupted\n")


def test_a_mistake_in_the_code_shows_where_it_is(tmp_path, monkeypatch, capsys):
    """Nobody trains for hours again to see a traceback."""
    monkeypatch.chdir(tmp_path)

    def broken(self, batch, batch_idx):
        return self.no_such_thing

    monkeypatch.setattr(FaceRecognizer, "training_step", broken)
    assert run("fit", *SMALL, "--trainer.fast_dev_run=true") == 2
    assert "in broken" in (said := capsys.readouterr().err)
    assert "no_such_thing" in said
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    with pytest.raises(AttributeError):
        main(["fit", *SMALL, "--trainer.fast_dev_run=true"])
