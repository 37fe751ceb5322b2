"""Drops of the learning rate where validation stands still: torch's own, with a warm-up and groups."""

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from facerec.data import FaceDataModule, ORLImages, ORLPairs
from facerec.data.interfaces import MeasuredSets
from facerec.optim import Plateau
from tests.optim.test_schedules import GROUPS, optimizer_of

RATES = [0.4, 0.3, 0.3, 0.31, 0.29, 0.29, 0.295, 0.28, 0.3, 0.3, 0.3, 0.3, 0.1, 0.2, 0.2, 0.2]


@pytest.mark.parametrize("patience", [0, 1, 2])
@pytest.mark.parametrize("cooldown", [0, 2])
@pytest.mark.parametrize("final_factor", [0.0, 0.1])
def test_the_drops_are_torchs(patience, cooldown, final_factor):
    schedule = Plateau(0.0, gamma=0.5, patience=patience, cooldown=cooldown, final_factor=final_factor, threshold=0.01)
    ours, theirs = optimizer_of(), optimizer_of()
    mine = schedule.scheduler(ours, 1000)
    lowest = [final_factor * lr for lr in GROUPS]
    reference = ReduceLROnPlateau(theirs, "min", 0.5, patience, 0.01, cooldown=cooldown, min_lr=lowest)
    seen = set()
    for rate in RATES:
        for _ in range(3):
            ours.step()
            mine.step()
        mine.measured({"val/eer": torch.tensor(rate)})
        reference.step(float(torch.tensor(rate)))
        rates = [group["lr"] for group in ours.param_groups]
        assert rates == pytest.approx([group["lr"] for group in theirs.param_groups], rel=1e-9)
        assert rates == mine.get_last_lr()
        seen.add(mine.drops)
    assert len(seen) > 1


def test_a_drop_within_the_warm_up_lowers_what_it_leads_to():
    optimizer = optimizer_of()
    scheduler = Plateau(warmup=0.5, gamma=0.5, patience=0).scheduler(optimizer, 8)
    for rate in (0.2, 0.3):
        scheduler.measured({"val/eer": torch.tensor(rate)})
    assert optimizer.param_groups[0]["lr"] == 0.3 * 0.25 * 0.5  # at once, not after the next step
    for _ in range(4):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.15, 0.015]


@pytest.mark.parametrize(
    ("monitor", "best"),
    [("val/eer", "min"), ("val/accuracy", "max"), ("val/orl/auc", "max"), ("val/accuracy_nearest_mean", "max")],
)
def test_what_is_better_follows_the_name(monitor, best):
    assert Plateau(monitor=monitor).best_is == best
    assert Plateau(monitor=monitor, mode="min").best_is == "min"


def test_higher_accuracy_brings_no_drop():
    optimizer = optimizer_of()
    scheduler = Plateau(0.0, patience=0, monitor="val/accuracy").scheduler(optimizer, 8)
    for accuracy in (0.1, 0.2, 0.3):
        scheduler.measured({"val/accuracy": torch.tensor(accuracy)})
    assert scheduler.drops == 1.0
    scheduler.measured({"val/accuracy": torch.tensor(0.3)})
    assert scheduler.drops == 0.1


def test_a_metric_that_is_not_measured_is_answered_with_those_that_are():
    scheduler = Plateau().scheduler(optimizer_of(), 8)
    with pytest.raises(ValueError, match=r"monitor=val/eer: the validation gives val/accuracy\. Name one of them"):
        scheduler.measured({"val/accuracy": torch.tensor(0.1), "train/loss": torch.tensor(1.0)})


@pytest.mark.parametrize(
    ("monitor", "measured", "message"),
    [
        ("val/eer", (False, True, True), r"no validation pairs\. Give data\.val_pairs, or set .* to val/accuracy, or "),
        ("val/eer", (False, False, True), r"no validation pairs\. Give data\.val_pairs, or choose another schedule"),
        ("val/accuracy", (False, False, True), r"neither validation pairs nor dev images\. Give data\.val_pairs or"),
        ("val/eer", (True, True, False), r"trainer\.limit_val_batches=0 validates nothing"),
    ],
)
def test_what_nothing_measures_is_refused_before_training(monitor, measured, message):
    names = ("has_pairs", "has_dev", "validates")
    with pytest.raises(ValueError, match=rf"model\.schedule\.monitor={monitor}.*{message}"):
        Plateau(monitor=monitor).require_measured(**dict(zip(names, measured, strict=True)))


def test_what_something_measures_is_not():
    Plateau().require_measured(has_pairs=True, has_dev=False, validates=True)
    Plateau(monitor="val/accuracy").require_measured(has_pairs=False, has_dev=True, validates=True)


def test_our_data_module_says_what_it_measures():
    data = FaceDataModule(train=ORLImages("train"), val_pairs={"orl": ORLPairs("val")})
    assert isinstance(data, MeasuredSets)
    assert data.dev is None
    assert list(data.pair_sets("val")) == ["orl"]
