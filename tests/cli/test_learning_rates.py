"""Schedules and learning rates of parts, as a user of `facerec fit` gives them."""

from pathlib import Path

import pytest
import torch
import yaml

from facerec.inference import Embedder
from facerec.optim import OneCycle
from tests.callbacks.test_logged_names import unexplained
from tests.cli.conftest import assert_refused, best_file, events, last, run
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")
SCHEDULES = {
    "Constant": {},
    "StepDecay": {"every": 0.4},
    "MultiStepDecay": {"milestones": [0.3, 0.6]},
    "PolynomialDecay": {"power": 2.0},
    "ExponentialDecay": {"end_factor": 0.001},
    "Cyclic": {"cycles": 2},
    "OneCycle": {"momentum": None},
    "Plateau": {"monitor": "val/accuracy"},
}


def scalars(folder: Path, name: str) -> list[float]:
    return [event.value for event in events(folder).Scalars(name)]


def printed(capsys, *options: str) -> dict:
    assert run("fit", *options, "--print_config") == 0
    return yaml.safe_load(capsys.readouterr().out)["model"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_named_by_its_class_and_printed_whole(name, capsys):
    options = [
        f"--model.schedule.{setting}={yaml.safe_dump(value).strip().removesuffix('...').strip()}"
        for setting, value in SCHEDULES[name].items()
    ]
    schedule = printed(capsys, f"--model.schedule={name}", *options)["schedule"]
    assert schedule["class_path"] == f"facerec.optim.{name}"
    assert schedule["init_args"].items() >= SCHEDULES[name].items()
    assert name == "OneCycle" or schedule["init_args"]["warmup"] == 0.1  # the default run's stays


@pytest.mark.parametrize("options", [["--model.schedule.warmup=0.2"], ["--model.schedule={warmup: 0.2}"]])
def test_without_a_class_it_is_the_cosine(options, capsys):
    expected = {"class_path": "facerec.optim.WarmupCosine", "init_args": {"warmup": 0.2, "final_factor": 0.0}}
    assert printed(capsys, *options)["schedule"] == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model.schedule=StepDecai"], "model.schedule=StepDecai: no such class: did you mean 'StepDecay'?"),
        (["--model.schedule=StepDecay", "--model.schedule.gama=0.1"], "no setting 'gama': did you mean 'gamma'?"),
        (["--model.schedule=StepDecay", "--model.schedule.gamma=3"], "model.schedule.gamma=3.0: must be in (0, 1]"),
        (
            ["--model.lr_factors={stage7: 2}"],
            "model.lr_factors.stage7: ResNet has no such part. Its parts are ",
        ),
        (
            ["--model.schedule=Plateau", "--data.val_pairs={}"],
            "Give data.val_pairs, or set model.schedule.monitor to ",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(said, capsys, "fit", *SMALL, *options)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_parts_schedule_and_momentum_are_logged_saved_and_read_again(tmp_path, monkeypatch):
    """With accumulation and both kinds of clipping: 6 batches an epoch are 3 steps."""
    monkeypatch.chdir(tmp_path)
    options = ["--model.schedule=OneCycle", "--model.layer_decay=0.5", "--model.lr_factors.loss=3"]
    options += ["--model.optimizer={class_path: timm.optim.Lamb, init_args: {lr: 0.01, weight_decay: 0.02}}"]
    options += ["--trainer.accumulate_grad_batches=2", "--trainer.gradient_clip_val=1.0"]
    options += ["--trainer.callbacks+=facerec.callbacks.AdaptiveGradientClipping", "--trainer.log_every_n_steps=1"]
    assert run("fit", *SMALL, *options) == 0
    expected = torch.tensor([OneCycle().factor(step, 6) for step in range(6)]) * 0.01
    names = ["head", "stage4", "stage3", "stage2", "stage1", "stem"]
    for depth, name in enumerate(names[1:], start=1):
        torch.testing.assert_close(torch.tensor(scalars(RUN, f"train/learning_rate/{name}")), expected * 0.5**depth)
    torch.testing.assert_close(torch.tensor(scalars(RUN, "train/learning_rate")), expected)
    torch.testing.assert_close(torch.tensor(scalars(RUN, "train/learning_rate/loss")), 3.0 * expected)
    momentum = scalars(RUN, "train/momentum")
    assert (momentum[0], momentum[-1]) == (pytest.approx(0.95), pytest.approx(0.95))
    assert min(momentum) < 0.87  # where the learning rate is highest
    assert momentum.index(min(momentum)) == int(expected.argmax())
    assert not unexplained(events(RUN).Tags()["scalars"])
    saved = last(RUN)
    assert saved["hyper_parameters"]["layer_decay"] == 0.5
    assert saved["hyper_parameters"]["lr_factors"] == {"loss": 3.0}
    assert saved["hyper_parameters"]["schedule"]["class_path"] == "facerec.optim.OneCycle"
    assert Embedder.from_checkpoint(best_file(RUN)).image_size == (32, 32)
    assert run("fit", "--config", RUN / "config.yaml", "--print_config") == 0
    assert run("fit", "--ckpt_path", RUN, "--trainer.max_epochs=3") == 0
    assert last(RUN)["global_step"] == 9


def test_one_rate_is_logged_once(orl_run):
    names = events(orl_run).Tags()["scalars"]
    assert [name for name in names if name.startswith(("train/learning_rate", "train/momentum"))] == [
        "train/learning_rate"
    ]


def test_a_plateau_drops_after_validations_however_rare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--model.schedule=Plateau", "--model.schedule.patience=0", "--model.schedule.threshold=0.99"]
    options += ["--trainer.max_epochs=5", "--trainer.check_val_every_n_epoch=2", "--model.schedule.warmup=0"]
    options += ["--trainer.num_sanity_val_steps=1", "--trainer.log_every_n_steps=6"]
    assert run("fit", *SMALL, *options) == 0
    rates = scalars(RUN, "train/learning_rate")
    assert rates == pytest.approx([0.05] * (len(rates) - 1) + [0.005])  # the second validation brings it
    plateau = last(RUN)["lr_schedulers"][0]["plateau"]
    assert (plateau["drops"], plateau["last_epoch"]) == (pytest.approx(0.1), 2)


def test_without_pairs_a_plateau_may_follow_dev_accuracy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--model.schedule=Plateau", "--model.schedule.monitor=val/accuracy", "--data.val_pairs={}"]
    assert run("fit", *SMALL, *options, "--checkpoint.candidates_after=0") == 0
    plateau = last(RUN)["lr_schedulers"][0]["plateau"]
    assert plateau["mode"] == "max"
    assert plateau["last_epoch"] == 2


def test_checkpoints_and_configurations_of_before_there_were_schedules_load(run_copy, recwarn):
    """Then the schedule was the cosine, without a class."""
    path = run_copy / "checkpoints" / "last.ckpt"
    for file in (path, best_file(run_copy)):
        checkpoint = torch.load(file, weights_only=True)
        checkpoint["hyper_parameters"]["schedule"] = {"warmup": 0.1, "final_factor": 0.0}
        for name in ("layer_decay", "lr_factors"):
            del checkpoint["hyper_parameters"][name]
        configuration = yaml.safe_load(checkpoint["facerec"]["configuration"])
        configuration["model"]["schedule"] = {"warmup": 0.1, "final_factor": 0.0}
        checkpoint["facerec"]["configuration"] = yaml.safe_dump(configuration)
        torch.save(checkpoint, file)
    (run_copy / "config.yaml").write_text(checkpoint["facerec"]["configuration"])
    assert Embedder.from_checkpoint(best_file(run_copy)).image_size == (32, 32)
    assert run("fit", "--config", run_copy / "config.yaml", "--print_config") == 0
    assert run("fit", "--ckpt_path", run_copy, "--trainer.max_epochs=3") == 0
    assert last(run_copy)["global_step"] == 18
    assert not [warning for warning in recwarn if "overrides model.schedule" in str(warning.message)]
