"""A training that is killed and resumed is the training that was not, bit for bit."""

import shutil
import signal
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.checkpoints import RAW_WEIGHTS
from facerec.cli.resuming import Resumption
from tests.cli.conftest import assert_refused, events, last, run
from tests.cli.kill import Kill
from tests.cli.server import run_apart
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")
OFTEN = ["--checkpoint.every_n_steps=1", "--checkpoint.candidates_after=0", "--trainer.log_every_n_steps=1"]
SYNTHETIC = '{"class_path": "ArcFace", "init_args": {"synthesis": {"alpha": 0.4}}}'
SAMPLED = '{"class_path": "UCE", "init_args": {"scale": 16.0, "negative_share": 0.8}}'
DROPPED = '{"class_path": "Softmax", "init_args": {"hidden_dim": 8, "dropout": 0.3}}'
JOINT = '{"class_path": "Joint", "init_args": {"losses": {"triplet": "Triplet", '
JOINT += f'"arc": {SYNTHETIC}, "uce": {SAMPLED}, "mlp": {DROPPED}' + '}, "weights": '
JOINT += '{"triplet": {"start": 0.0, "end": 0.5, "steps": 9}}}}'
BALANCED = ["--data.images_per_person=4", "--data.batch_size=48"]
JOINT_TRAINING = [f"--model.loss={JOINT}", *BALANCED]
JOINT_TRAINING += ["--checkpoint.save_top_k=3", "--trainer.max_epochs=4"]
SPHERE_TRAINING = ['--model.loss={"class_path": "SphereFace"}', "--trainer.max_epochs=-1", "--trainer.max_steps=14"]
SPHERE_TRAINING += ["--trainer.val_check_interval=4", "--model.backbone.init_args.head.dropout=0.3"]
FROZEN = ["--model.freeze={until: stage2, thaw_epoch: 2}", *BALANCED, "--trainer.max_epochs=4"]
TRANSFORMS = (
    "[{class_path: ColorJitter, init_args: {brightness: 0.3}}, {class_path: RandomAffine, init_args: {degrees: 9}}]"
)
WITH_WORKERS = [*BALANCED, "--data.num_workers=1", f"--data.transforms={TRANSFORMS}"]
PLATEAU = ["--model.schedule=Plateau", "--model.schedule.patience=0", "--model.schedule.threshold=0.3", *BALANCED]
PLATEAU += ["--model.schedule.gamma=0.5", "--trainer.max_epochs=3", "--trainer.val_check_interval=2"]
ONE_CYCLE = ["--model.schedule=OneCycle", "--model.layer_decay=0.7", "--model.lr_factors={loss: 3}", *BALANCED]
ONE_CYCLE += ["--trainer.accumulate_grad_batches=2", "--trainer.max_epochs=3"]
AVERAGED = ["--average.kind=ema", "--average.decay=0.9", "--data.batch_size=48"]
MEAN = ["--average.kind=swa", "--average.start=0.3", "--data.batch_size=48"]


def outcome(folder: Path) -> dict[str, dict]:
    """What a training leaves: weights, optimizer, threshold and score of each checkpoint, by its steps."""
    found = {}
    for path in (folder / RUN / "checkpoints").glob("[bl]*.ckpt"):
        checkpoint = torch.load(path, weights_only=True)
        scores = [state["current_score"] for state in checkpoint["callbacks"].values() if "current_score" in state]
        found[f"{path.stem[:4]} {checkpoint['global_step']}"] = {
            "weights": checkpoint["state_dict"],
            "optimizer": checkpoint["optimizer_states"],
            "schedule": checkpoint["lr_schedulers"],
            "threshold": checkpoint["facerec"]["calibration"],
            "raw weights": checkpoint.get(RAW_WEIGHTS),
            "raw threshold": checkpoint["facerec"]["raw_calibration"],
            "average": checkpoint["callbacks"].get("WeightAverage"),
            "score": scores if path.stem.startswith("best") else None,
        }
    return found


def assert_equal(one: object, other: object) -> None:
    """The same values in the same places, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("training", "moments"),
    [
        (JOINT_TRAINING, [("batch", 3), ("dump", 4), ("validation", 2)]),
        (SPHERE_TRAINING, [("batch", 3), ("epoch_end", 1), ("dump", 3), ("validation", 1)]),
        (FROZEN, [("batch", 3), ("epoch_end", 1), ("batch", 3), ("batch", 3)]),
        (WITH_WORKERS, [("batch", 3)]),
        (AVERAGED, [("batch", 2), ("validation", 1)]),
        (MEAN, [("batch", 6), ("validation", 1)]),
        (PLATEAU, [("validation", 2), ("dump", 3)]),
        (ONE_CYCLE, [("batch", 3), ("epoch_end", 1)]),
    ],
    ids=["joint", "sphereface", "frozen", "workers", "ema", "swa", "plateau", "one-cycle"],
)
def test_a_killed_training_ends_as_the_one_that_was_not(training, moments, tmp_path):
    """In mid-epoch, while a checkpoint is written, within a validation, and between an epoch and its checkpoint."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    options = [*SMALL, *OFTEN, *training]
    assert run_apart(whole, "fit", *options) == 0
    for number, (hook, count) in enumerate(moments):
        started = options if number == 0 else ["--ckpt_path", "last"]
        assert run_apart(killed, "fit", *started, callbacks=[Kill(hook, count)]) == -signal.SIGKILL
    assert run_apart(killed, "fit", "--ckpt_path", "last") == 0
    assert [path.name for path in killed.glob("runs/*/*")] == ["version_0"]
    assert_equal(outcome(killed), outcome(whole))
    assert_equal(curve(killed), curve(whole))


def curve(folder: Path) -> list[tuple[int, float]]:
    """The loss at each logged step."""
    scalars = EventAccumulator(str(folder / RUN), size_guidance={"scalars": 0})
    scalars.Reload()
    return [(event.step, event.value) for event in scalars.Scalars("train/loss")]


@pytest.mark.parametrize(
    ("number", "status", "hook", "more"),
    [
        (signal.SIGTERM, 143, "batch", []),
        (signal.SIGINT, 130, "validation", []),
        (signal.SIGTERM, 143, "epoch_end", []),
        (signal.SIGTERM, 143, "validation", AVERAGED),
    ],
)
def test_a_signal_saves_says_how_to_go_on_and_has_its_own_status(number, status, hook, more, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    options = [*SMALL, "--trainer.log_every_n_steps=1", "--checkpoint.candidates_after=0", "--data.batch_size=48"]
    options += more
    assert run_apart(whole, "fit", *options) == 0
    assert run_apart(stopped, "fit", *options, callbacks=[Kill(hook, 1, number)]) == status
    said = (stopped / "out.txt").read_text()
    assert f"is saved. To go on: facerec fit --ckpt_path {RUN / 'checkpoints' / 'last.ckpt'}" in said
    assert "Traceback" not in said
    assert run_apart(stopped, "fit", "--ckpt_path", RUN) == 0
    assert_equal(outcome(stopped), outcome(whole))
    assert_equal(curve(stopped), curve(whole))


def test_a_finished_training_says_so_and_is_left_alone(run_copy, capsys):
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    assert run("fit", "--ckpt_path", run_copy) == 0
    assert "2 of 2 epochs are trained. To train on, give a larger --trainer.max_epochs" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before


def test_a_training_goes_on_in_a_run_that_was_moved_and_knows_its_best(run_copy, tmp_path, monkeypatch, recwarn):
    """The best of two epochs stays the best of three, unless the third is better."""
    moved = Path("elsewhere", "other", "version_7")
    moved.parent.mkdir(parents=True)
    shutil.move(run_copy, moved)
    assert run("fit", "--ckpt_path", moved, "--trainer.max_epochs=3", "--checkpoint.candidates_after=0") == 0
    assert last(moved)["epoch"] == 2
    rates = {event.step: event.value for event in events(moved).Scalars("val/eer")}
    [best] = (moved / "checkpoints").glob("best-*.ckpt")
    chosen = torch.load(best, weights_only=True)
    candidates = sorted(rates)[1:]  # candidates_after of the first training left the first epoch out
    assert rates[chosen["global_step"] - 1] == min(rates[step] for step in candidates)
    assert not list(Path("runs").glob("*/*"))
    assert any("trainer.max_epochs 2 becomes 3" in str(warning.message) for warning in recwarn)


def test_from_an_earlier_checkpoint_better_ones_of_later_steps_stay_the_best(tmp_path, monkeypatch, recwarn):
    """The steps after it are logged anew, and stand once in the curve."""
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, "--checkpoint.candidates_after=0", "--checkpoint.save_top_k=-1", "--trainer.max_epochs=3"]
    assert run("fit", *options) == 0
    first, *later = sorted((RUN / "checkpoints").glob("best-*.ckpt"))
    assert run("fit", "--ckpt_path", first, "--checkpoint.save_top_k=3") == 0
    assert any("is of step 6, and" in str(warning.message) for warning in recwarn)
    [state] = [state for state in last(RUN)["callbacks"].values() if "best_k_models" in state]
    assert {Path(path).name for path in state["best_k_models"]} == {path.name for path in (first, *later)}
    steps = [event.step for event in events(RUN).Scalars("val/eer")]
    assert steps == sorted(set(steps))


def test_a_damaged_last_checkpoint_is_set_aside_and_the_one_before_taken(run_copy, recwarn):
    damaged = run_copy / "checkpoints" / "last.ckpt"
    damaged.write_bytes(damaged.read_bytes()[:9000])
    assert run("fit", "--ckpt_path", run_copy, "--trainer.max_epochs=3") == 0
    assert last(run_copy)["epoch"] == 2
    assert damaged.with_name("last.ckpt.damaged").stat().st_size == 9000
    assert any("The training goes on from the checkpoint before it: " in str(warning.message) for warning in recwarn)


def test_other_people_are_refused_by_name_though_they_are_as_many(vggface_root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, "--data.root", vggface_root, "--data.batch_size=4", "--trainer.max_epochs=1"]
    assert run("fit", *options) == 0
    for folder in ("train", "dev"):
        (vggface_root / folder / "n000002").rename(vggface_root / folder / "n000009")
    last_one = RUN / "checkpoints" / "last.ckpt"
    resumed = ["fit", "--ckpt_path", last_one, "--trainer.max_epochs=2"]
    assert_refused("class 1 is 'n000002' in it and 'n000003' in the data", capsys, *resumed)


def test_a_checkpoint_of_an_earlier_facerec_lacks_settings_and_is_not_another_training(run_copy):
    path = run_copy / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    settings = yaml.safe_load(checkpoint["facerec"]["configuration"])
    assert settings["data"].pop("transforms") == []
    checkpoint["facerec"]["configuration"] = yaml.safe_dump(settings)
    torch.save(checkpoint, path)
    resumption = Resumption(str(path))
    settings["data"]["transforms"] = []
    assert resumption.changes(settings) == []
    settings["data"]["transforms"] = [{"class_path": "ColorJitter"}]
    assert resumption.changes(settings) == ["data.transforms None becomes [{'class_path': 'ColorJitter'}]"]


def test_what_changed_since_is_told(run_copy, recwarn):
    changed = ["--data.batch_size=24", "--data.augment.rotation=0", "--trainer.max_epochs=3"]
    assert run("fit", "--ckpt_path", run_copy, *changed) == 0
    [told] = [str(warning.message) for warning in recwarn if "goes on with other settings" in str(warning.message)]
    assert "data.batch_size 32 becomes 24" in told
    assert "data.augment.init_args.rotation 12.0 becomes 0.0" in told
    assert "num_workers" not in told
