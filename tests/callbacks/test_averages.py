"""Averaged weights: what they are, that they are measured as what they are, and that the training never sees them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.optim.swa_utils import update_bn

from facerec.backbones import EmbeddingHead, ResNet
from facerec.backbones.batch_statistics import estimating_statistics
from facerec.backbones.freezing import Freeze
from facerec.callbacks import (
    BestCheckpoint,
    DevAccuracy,
    FiniteSteps,
    RunSummary,
    StepSeed,
    Verification,
    WeightAverage,
)
from facerec.checkpoints import RAW_WEIGHTS, ModelCard, load_checkpoint, offer_raw_weights
from facerec.data import FaceDataModule, ORLImages, ORLPairs
from facerec.losses import ArcFace
from facerec.metrics import cosine_scores, equal_error_rate
from facerec.recognizer import FaceRecognizer
from facerec.transforms import Augment
from tests.callbacks.conftest import quiet_trainer

State = dict[str, torch.Tensor]
STATISTICS = ("running_mean", "running_var")


def faces(**more: object) -> FaceDataModule:
    """Four steps an epoch."""
    pairs = {"orl": ORLPairs("val")}
    settings = {"batch_size": 48, "image_size": (32, 32), "num_workers": 0, **more}
    return FaceDataModule(train=ORLImages("train"), dev=ORLImages("dev"), val_pairs=pairs, **settings)


def model(freeze: Freeze | None = None, lr: float = 0.1) -> FaceRecognizer:
    torch.manual_seed(0)
    backbone = ResNet(18, embedding_dim=16, width=4, head=EmbeddingHead(dropout=0.2))
    loss = ArcFace(16.0, margin_warmup=6)
    optimizer = lambda groups: torch.optim.SGD(groups, lr=lr, momentum=0.9)  # noqa: E731
    return FaceRecognizer(backbone, loss, optimizer, num_classes=24, image_size=(32, 32), freeze=freeze)


def copy_of(state: State) -> State:
    return {name: value.clone() for name, value in state.items()}


class Note(Callback):
    """Keeps the weights after each step."""

    def __init__(self) -> None:
        self.steps: list[State] = []

    def on_train_batch_end(self, trainer, pl_module, *args):
        if trainer.global_step > len(self.steps):
            self.steps.append(copy_of(pl_module.state_dict()))


def fit(recognizer: FaceRecognizer, average: WeightAverage, *more: Callback, ckpt_path=None, **settings) -> Trainer:
    measures = [StepSeed(), DevAccuracy(), Verification(), average]
    trainer = quiet_trainer(*measures, *more, **{"max_epochs": 2, **settings})
    trainer.fit(recognizer, datamodule=faces(), ckpt_path=ckpt_path)
    return trainer


def saved(trainer: Trainer, path: Path) -> dict:
    trainer.save_checkpoint(path)
    return load_checkpoint(path)


def assert_same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


# What the average is


@pytest.mark.parametrize("accumulated", [1, 2])
def test_ema_is_the_recursion_in_double_precision_and_counters_are_copied(accumulated, tmp_path):
    """Class weights too. An optimizer step counts once, however many batches it took."""
    noted, average = Note(), WeightAverage("ema", decay=0.4)
    trainer = fit(model(), average, noted, accumulate_grad_batches=accumulated)
    offered = saved(trainer, tmp_path / "last.ckpt")["state_dict"]
    assert average.updates == len(noted.steps) == 8 // accumulated
    assert {"loss.weight", "backbone.stem.0.weight"} <= offered.keys()
    for name, value in offered.items():
        if not value.is_floating_point():
            assert torch.equal(value, noted.steps[-1][name]), name
        if not value.is_floating_point() or name.endswith(STATISTICS):
            continue
        expected = noted.steps[0][name].double()
        for updates, step in enumerate(noted.steps[1:], start=1):
            decay = min(0.4, (1 + updates) / (10 + updates))
            expected = decay * expected + (1 - decay) * step[name].double()
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    assert offered["loss.steps"] == 8 // accumulated


def test_swa_is_the_mean_of_the_last_part(tmp_path):
    noted, average = Note(), WeightAverage("swa", start=0.5)
    offered = saved(fit(model(), average, noted), tmp_path / "last.ckpt")["state_dict"]
    assert average.updates == 4
    for name, value in offered.items():
        if value.is_floating_point() and not name.endswith(STATISTICS):
            mean = torch.stack([step[name].double() for step in noted.steps[4:]]).mean(0)
            torch.testing.assert_close(value.double(), mean, rtol=1e-5, atol=1e-6)


# Trap 1: an average that has not begun


def test_before_its_first_update_the_average_is_the_trained_weights(tmp_path):
    """Its EER, its threshold and what is saved; not those that the network began with."""
    trainer = fit(model(), WeightAverage("swa", start=0.9), max_epochs=1, limit_train_batches=3)
    for name in ("eer", "orl/eer", "orl/threshold", "accuracy"):
        assert trainer.callback_metrics[f"val_swa/{name}"] == trainer.callback_metrics[f"val/{name}"]
    checkpoint = saved(trainer, tmp_path / "last.ckpt")
    assert_same(checkpoint["state_dict"], checkpoint[RAW_WEIGHTS])
    assert_same(checkpoint["state_dict"], trainer.lightning_module.state_dict())
    card = ModelCard.from_checkpoint(checkpoint)
    assert card.calibration == card.raw_calibration is not None


# Trap 2: a checkpoint that is saved within a validation


class SaveWithin(Callback):
    """Saves a checkpoint in the middle of each validation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw: list[State] = []

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        if dataloader_idx == 1:
            self.raw.append(copy_of(pl_module.state_dict()))
            trainer.save_checkpoint(self.folder / f"{len(self.raw)}.ckpt")


def test_a_checkpoint_saved_within_a_validation_holds_both_in_their_places(tmp_path):
    noted, within, average = Note(), SaveWithin(tmp_path), WeightAverage("ema")
    fit(model(), average, noted, within)
    assert len(within.raw) == 2
    for epoch in range(2):
        checkpoint = load_checkpoint(tmp_path / f"{epoch + 1}.ckpt")
        assert_same(checkpoint[RAW_WEIGHTS], noted.steps[4 * epoch + 3])
        assert_same(checkpoint[RAW_WEIGHTS], within.raw[epoch])
        assert not torch.equal(checkpoint["state_dict"]["loss.weight"], checkpoint[RAW_WEIGHTS]["loss.weight"])
    assert_same(floats(checkpoint["state_dict"]), floats(average.averaged.state_dict()))


def floats(state: State) -> State:
    return {name: value for name, value in state.items() if value.is_floating_point()}


def test_the_training_is_bit_for_bit_the_one_without_an_average():
    """Dropout included, though training images pass through the average, which has dropout."""
    alone, beside = model(), model()
    without = fit(alone, WeightAverage())
    together = fit(beside, WeightAverage("swa", start=0.0))
    assert_same(alone.state_dict(), beside.state_dict())
    for name, value in without.callback_metrics.items():
        assert torch.equal(value, together.callback_metrics[name]), name
    assert "val_swa/eer" in together.callback_metrics


# Traps 3 and 4: a training that goes on


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_a_resumed_training_goes_on_from_the_raw_weights_and_counts_on(kind, tmp_path):
    whole, resumed = (WeightAverage(kind, decay=0.9, start=0.3) for _ in range(2))
    expected = saved(fit(model(), whole, max_epochs=3), tmp_path / "whole.ckpt")

    class Stop(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(tmp_path / "half.ckpt")

    fit(model(), WeightAverage(kind, decay=0.9, start=0.3), Stop(), max_epochs=3)
    state = load_checkpoint(tmp_path / "half.ckpt")["callbacks"]["WeightAverage"]
    assert state == {"kind": kind, "updates": 4, "step": 8}  # round(0.3 * 12) = 4 steps come before

    other = model(lr=0.5)  # its own weights and optimizer are replaced
    found = saved(fit(other, resumed, max_epochs=3, ckpt_path=tmp_path / "half.ckpt"), tmp_path / "resumed.ckpt")
    assert resumed.updates == whole.updates == 8
    assert_same(found[RAW_WEIGHTS], expected[RAW_WEIGHTS])
    assert_same(found["state_dict"], expected["state_dict"])
    assert found["facerec"]["calibration"] == expected["facerec"]["calibration"]
    assert found["facerec"]["raw_calibration"] == expected["facerec"]["raw_calibration"]


def test_without_an_average_a_training_goes_on_from_the_raw_weights_too(tmp_path):
    half = saved(fit(model(), WeightAverage("ema", decay=0.9), max_epochs=1), tmp_path / "half.ckpt")

    class Begin(Callback):
        def on_train_start(self, trainer, pl_module):
            self.state, self.card = copy_of(pl_module.state_dict()), pl_module.card

    begin = Begin()
    fit(model(), WeightAverage(), begin, max_epochs=2, ckpt_path=tmp_path / "half.ckpt")
    assert_same(begin.state, half[RAW_WEIGHTS])
    assert begin.card.calibration == half["facerec"]["raw_calibration"]


def test_an_average_of_another_kind_begins_anew(tmp_path):
    saved(fit(model(), WeightAverage("ema"), max_epochs=1), tmp_path / "half.ckpt")
    average = WeightAverage("swa", start=0.0)
    fit(model(), average, max_epochs=2, ckpt_path=tmp_path / "half.ckpt")
    assert average.updates == 4


# What is measured is what is offered


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_best_offers_the_average_with_its_own_numbers_and_the_raw_weights_with_theirs(kind, tmp_path, capsys):
    """Measured anew from the file."""
    best, summary = BestCheckpoint(), RunSummary()
    average = WeightAverage(kind, decay=0.8, start=0.0)
    trainer = fit(model(), average, best, summary, enable_checkpointing=True, default_root_dir=tmp_path)
    assert best.monitor == f"val_{kind}/eer"
    checkpoint = load_checkpoint(best.best_model_path)
    card = ModelCard.from_checkpoint(checkpoint)
    assert card.chosen_by == f"val_{kind}/eer"
    assert eer_of(checkpoint["state_dict"]) == pytest.approx(
        (float(best.best_model_score), card.calibration["threshold"])
    )
    said = capsys.readouterr().out
    assert f"EER         {float(best.best_model_score):.2%}" in said
    assert f"weights     averaged ({kind}); as trained: EER " in said
    last = load_checkpoint(best.last_model_path)
    raw = ModelCard.from_checkpoint(last).raw_calibration
    offer_raw_weights(last)
    rate, threshold = eer_of(last["state_dict"])
    assert (rate, threshold) == pytest.approx((float(trainer.callback_metrics["val/eer"]), raw["threshold"]), abs=1e-6)


def eer_of(state: State) -> tuple[float, float]:
    """EER and threshold of the validation pairs, for some weights."""
    recognizer = model()
    recognizer.load_state_dict(state)
    recognizer.eval()
    pairs = ORLPairs("val")
    # All in one batch, as in the training: in others embeddings round otherwise, and after a few steps all scores are
    # so alike that this changes the order of two.
    with torch.no_grad():
        embeddings = recognizer(torch.as_tensor(pairs.read_batch(range(len(pairs)), (32, 32))))
    return equal_error_rate(cosine_scores(embeddings, pairs.pairs), np.asarray(pairs.same))


def test_the_raw_weights_may_choose_the_checkpoint(tmp_path):
    best = BestCheckpoint(monitor="val/eer")
    fit(model(), WeightAverage("ema"), best, enable_checkpointing=True, default_root_dir=tmp_path)
    checkpoint = load_checkpoint(best.best_model_path)
    assert ModelCard.from_checkpoint(checkpoint).chosen_by == best.monitor == "val/eer"
    assert RAW_WEIGHTS in checkpoint


def test_an_optimizer_step_takes_both_thresholds_away(tmp_path):
    trainer = fit(model(), WeightAverage("ema"), max_epochs=3, check_val_every_n_epoch=2)
    card = ModelCard.from_checkpoint(saved(trainer, tmp_path / "last.ckpt"))
    assert card.calibration is card.raw_calibration is None


def test_by_default_nothing_is_averaged_measured_or_saved(tmp_path):
    trainer = fit(model(), WeightAverage(), max_epochs=1)
    checkpoint = saved(trainer, tmp_path / "last.ckpt")
    assert RAW_WEIGHTS not in checkpoint
    assert "WeightAverage" not in checkpoint["callbacks"]
    assert not [name for name in trainer.callback_metrics if name.startswith(("val_ema", "val_swa"))]


# Batch statistics


class Images(Callback):
    """The images on which the statistics are to be estimated, augmented as in the epoch that ends."""

    def on_train_epoch_end(self, trainer, pl_module):
        data = trainer.datamodule
        chosen = np.random.default_rng(0).permutation(192)
        loader = data.sample_loader(chosen, trainer.current_epoch)
        self.batches = [data.as_in_training(batch, trainer.current_epoch).images for batch in loader]


def test_statistics_are_estimated_as_torch_does():
    """At the end too, without a validation. The dropout comes before the last normalisation alone."""
    average, images = WeightAverage("swa", start=0.0), Images()
    fit(model(), average, images, check_val_every_n_epoch=2)
    other = model()
    other.load_state_dict(average.averaged.state_dict())
    other.backbone.head.dropout.p = 0.0
    update_bn(images.batches, other)
    found, expected = average.averaged.state_dict(), other.state_dict()
    names = [name for name in found if name.endswith(STATISTICS) and "head" not in name]
    assert len(names) > 30
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5)
    assert not average.averaged.training


def test_mixed_precision_is_of_the_network_and_not_of_the_augmentation():
    """A convolution blurs the images, and would take bfloat16 too."""
    average, images = WeightAverage("swa", start=0.0), Images()
    trainer = quiet_trainer(StepSeed(), average, images, max_epochs=1, precision="bf16-mixed")
    trainer.fit(model(), datamodule=faces(augment=Augment(blur=1.0, noise=0.1)))
    other = model()
    other.load_state_dict(average.averaged.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        update_bn(images.batches, other)
    assert all(batch.dtype == torch.float32 for batch in images.batches)
    found, expected = average.averaged.state_dict(), other.state_dict()
    torch.testing.assert_close(
        found["backbone.stem.1.running_mean"], expected["backbone.stem.1.running_mean"], rtol=0.01, atol=0.01
    )


def test_frozen_parts_keep_their_weights_and_statistics_in_the_average(tmp_path):
    average = WeightAverage("swa", start=0.0)
    checkpoint = saved(fit(model(Freeze("stage2")), average), tmp_path / "last.ckpt")
    offered, raw, start = checkpoint["state_dict"], checkpoint[RAW_WEIGHTS], model().state_dict()
    frozen = [name for name in raw if name.startswith(("backbone.stem.", "backbone.stages.0.", "backbone.stages.1."))]
    assert [name for name in frozen if name.endswith(STATISTICS)]
    for name in frozen:
        assert torch.equal(offered[name], raw[name]), name
        assert torch.equal(offered[name], start[name]), name
    assert not torch.equal(offered["backbone.head.linear.weight"], raw["backbone.head.linear.weight"])


def test_estimating_leaves_layers_in_evaluation_alone_and_restores_the_momentum():
    layers = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2, momentum=0.3))
    layers[0].eval()
    images = torch.randn(3, 8, 2) * 5 + 1
    with estimating_statistics(layers) as estimated:
        for batch in images:
            layers(batch)
    assert estimated == [layers[1]]
    assert torch.equal(layers[0].running_var, torch.ones(2))
    normalised = images / np.sqrt(1 + 1e-5)
    torch.testing.assert_close(layers[1].running_mean, normalised.mean(1).mean(0))
    torch.testing.assert_close(layers[1].running_var, normalised.var(1).mean(0))
    assert layers[1].momentum == 0.3


# Ends


class Spoil(Callback):
    """Makes the loss of one step NaN."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == 6:
            pl_module.loss.weight.data[0, 0] = float("nan")


def test_a_loss_that_is_not_finite_never_reaches_the_average(tmp_path):
    average = WeightAverage("ema")
    with pytest.raises(ValueError, match="not finite at step 6"):
        fit(model(), average, FiniteSteps(), Spoil())
    assert average.updates == 6
    assert all(value.isfinite().all() for value in average.averaged.state_dict().values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_copy_lives_on_the_device_of_the_training():
    average = WeightAverage("swa", start=0.0)
    fit(model(), average, accelerator="gpu", devices=1)
    assert {value.device.type for value in average.averaged.state_dict().values()} == {"cuda"}
    assert average.averaged.device.type == "cuda"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "mean"}, "average.kind='mean': choose one of None, ema, swa"),
        ({"decay": 1.0}, r"average.decay=1.0: must be in \(0, 1\)"),
        ({"start": 1.0}, r"average.start=1.0: must be in \[0, 1\)"),
        ({"statistics_images": 1}, "average.statistics_images=1: must be at least 2"),
    ],
)
def test_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        WeightAverage(**settings)
