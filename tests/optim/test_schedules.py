"""Each schedule against torch's own sequence, and what a scheduler keeps in a checkpoint."""

import io
import math
from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler

from facerec.optim import (
    Constant,
    Cyclic,
    ExponentialDecay,
    MultiStepDecay,
    OneCycle,
    Plateau,
    PolynomialDecay,
    Schedule,
    StepDecay,
    WarmupCosine,
)

STEPS = 40
GROUPS = (0.3, 0.03)  # learning rates


MOMENTUM = partial(torch.optim.SGD, momentum=0.9)


def optimizer_of(make=MOMENTUM):
    return make([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in GROUPS], lr=1.0)


def sequence(optimizer, scheduler, steps=STEPS):
    """Learning rates of all groups at each step, and the momentum."""
    found = []
    for _ in range(steps):
        groups = optimizer.param_groups
        momentum = groups[0]["momentum"] if "momentum" in groups[0] else groups[0]["betas"][0]
        found.append([*(float(group["lr"]) for group in groups), momentum])
        optimizer.step()
        scheduler.step()
    return torch.tensor(found, dtype=torch.float64)


ONE_CYCLE = {"max_lr": list(GROUPS), "total_steps": STEPS}
CYCLES = {"base_lr": [0.2 * lr for lr in GROUPS], "max_lr": list(GROUPS), "step_size_up": 5, "cycle_momentum": False}
PAIRS = {
    "cosine": (WarmupCosine(0.0), partial(lr_scheduler.CosineAnnealingLR, T_max=STEPS)),
    "constant": (Constant(0.0), partial(lr_scheduler.ConstantLR, factor=1.0)),
    "step": (StepDecay(0.0, every=0.3, gamma=0.2), partial(lr_scheduler.StepLR, step_size=12, gamma=0.2)),
    "multi-step": (
        MultiStepDecay(0.0, milestones=(0.25, 0.7, 0.725)),
        partial(lr_scheduler.MultiStepLR, milestones=[10, 28, 29]),
    ),
    "polynomial": (PolynomialDecay(0.0, power=2.0), partial(lr_scheduler.PolynomialLR, total_iters=STEPS, power=2.0)),
    "linear": (
        PolynomialDecay(0.0, final_factor=0.2),
        partial(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.2, total_iters=STEPS),
    ),
    "exponential": (
        ExponentialDecay(0.0, end_factor=0.01),
        partial(lr_scheduler.ExponentialLR, gamma=0.01 ** (1 / STEPS)),
    ),
    "triangular": (
        Cyclic(cycles=4, low_factor=0.2, halved=False),
        partial(lr_scheduler.CyclicLR, **CYCLES, mode="triangular"),
    ),
    "triangular2": (Cyclic(cycles=4, low_factor=0.2), partial(lr_scheduler.CyclicLR, **CYCLES, mode="triangular2")),
    "one cycle": (
        OneCycle(last_factor=0.04e-4),
        partial(lr_scheduler.OneCycleLR, **ONE_CYCLE),
    ),
    "one cycle, linear": (
        OneCycle(peak_at=0.45, first_factor=0.1, last_factor=0.01, shape="linear", momentum=(0.8, 0.9)),
        partial(
            lr_scheduler.OneCycleLR,
            **ONE_CYCLE,
            pct_start=0.45,
            anneal_strategy="linear",
            div_factor=10.0,
            final_div_factor=10.0,
            base_momentum=0.8,
            max_momentum=0.9,
        ),
    ),
}
WARMED_UP = [WarmupCosine, Constant, StepDecay, MultiStepDecay, PolynomialDecay, ExponentialDecay, Plateau]
ALL = [*WARMED_UP, Cyclic, OneCycle]


@pytest.mark.parametrize("name", PAIRS)
def test_the_sequence_is_torchs(name):
    schedule, theirs = PAIRS[name]
    ours, reference = optimizer_of(), optimizer_of()
    mine = sequence(ours, schedule.scheduler(ours, STEPS))
    torch.testing.assert_close(mine, sequence(reference, theirs(reference)), rtol=1e-9, atol=1e-9)
    assert len(set(mine[:, 0].tolist())) > 1 or name == "constant"


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.NAdam], ids=["Adam", "NAdam"])
def test_one_cycle_cycles_the_first_beta(make):
    ours, reference = optimizer_of(make), optimizer_of(make)
    mine = sequence(ours, OneCycle().scheduler(ours, STEPS))
    theirs = sequence(reference, lr_scheduler.OneCycleLR(reference, **ONE_CYCLE))
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    assert mine[:, 2].min() == pytest.approx(0.85)
    assert ours.param_groups[0]["betas"][1] == 0.999


def test_one_cycle_without_a_momentum():
    ours = optimizer_of()
    assert set(sequence(ours, OneCycle(momentum=None).scheduler(ours, STEPS))[:, 2].tolist()) == {0.9}
    with pytest.raises(
        ValueError, match=r"model\.schedule\.momentum: Adagrad has no momentum to cycle\. Set it to nul"
    ):
        OneCycle().scheduler(optimizer_of(torch.optim.Adagrad), STEPS)


@pytest.mark.parametrize("kind", WARMED_UP, ids=lambda kind: kind.__name__)
def test_the_warm_up_is_linear_and_in_shares_of_the_run(kind):
    schedule = kind(warmup=0.2)
    assert [schedule.factor(step, 20) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [schedule.factor(step, 60) for step in (0, 5, 11, 12)] == [1 / 12, 0.5, 1.0, 1.0]


def test_cosine_by_hand():
    schedule = WarmupCosine(warmup=0.2, final_factor=0.1)
    factors = [schedule.factor(step, 10) for step in range(11)]
    assert factors[:2] == [0.5, 1.0]
    assert factors[2] == pytest.approx(1.0)
    assert factors[6] == pytest.approx(0.1 + 0.9 * 0.5)  # halfway between steps 2 and 10
    assert factors[10] == pytest.approx(0.1)
    assert schedule.factor(50, 10) == pytest.approx(0.1)
    assert factors[2:] == sorted(factors[2:], reverse=True)


def test_what_follows_the_warm_up_takes_the_rest_of_the_run():
    assert WarmupCosine(0.5).factor(75, 100) == pytest.approx(0.5)
    assert PolynomialDecay(0.5).factor(75, 100) == 0.5
    assert ExponentialDecay(0.5, end_factor=0.01).factor(75, 100) == pytest.approx(0.1)
    assert [Cyclic(0.2, cycles=1, low_factor=0.5).factor(step, 10) for step in (0, 1, 2, 6, 10)] == [
        0.25,
        0.5,
        0.5,
        1.0,
        0.5,
    ]
    assert [StepDecay(0.2, every=0.5).factor(step, 10) for step in (4, 5)] == [1.0, 0.1]  # counts from the start
    assert [MultiStepDecay(0.2, (0.5,)).factor(step, 10) for step in (4, 5)] == [1.0, 0.1]


def test_drops_fall_on_the_nearest_step():
    for total in (7, 97, 100, 1200):
        for every in (0.07, 0.1, 0.3, 1 / 3):
            schedule = StepDecay(0.0, every=every, gamma=0.5)
            drops = [
                step for step in range(1, total) if schedule.factor(step, total) < schedule.factor(step - 1, total)
            ]
            places = [number * every * total for number in range(1, math.ceil(1 / every) + 1)]
            assert drops == sorted({round(place + 1e-9) for place in places if 0 < round(place + 1e-9) < total})


@pytest.mark.parametrize("total", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_short_runs_have_factors_too(kind, total):
    schedule = kind()
    assert all(0.0 <= schedule.factor(step, total) <= 1.0 for step in range(total + 2))


@pytest.mark.parametrize("peak_at", [0.0, 0.001, 1 / STEPS, 0.999])
def test_one_cycle_at_the_ends_of_its_range(peak_at):
    factors = [OneCycle(peak_at=peak_at).factor(step, STEPS) for step in range(STEPS + 1)]
    assert max(factors) == pytest.approx(1.0, abs=0.01)
    assert factors[-1] == pytest.approx(4e-6)


@pytest.mark.parametrize("make", [partial(torch.optim.SGD, momentum=0.9), torch.optim.AdamW], ids=["SGD", "AdamW"])
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_scheduler_goes_on_from_its_state_bit_for_bit(kind, make):
    whole, stopped, resumed = optimizer_of(make), optimizer_of(make), optimizer_of(make)
    expected = run_of(whole, kind().scheduler(whole, STEPS), 0, STEPS)
    before = kind().scheduler(stopped, STEPS)
    found = run_of(stopped, before, 0, 17)
    saved = io.BytesIO()
    torch.save([stopped.state_dict(), before.state_dict()], saved)
    saved.seek(0)
    states = torch.load(saved, weights_only=True)
    after = kind().scheduler(resumed, STEPS)
    resumed.load_state_dict(states[0])
    after.load_state_dict(states[1])
    found += run_of(resumed, after, 17, STEPS)
    assert found == expected


def run_of(optimizer, scheduler, start, end):
    """Learning rate and momentum of steps; a plateau sees a validation every fourth, better only at the first."""
    found = []
    for step in range(start, end):
        found.append([(group["lr"], group.get("momentum"), group.get("betas")) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
        if hasattr(scheduler, "measured") and step % 4 == 3:
            scheduler.measured({"val/eer": torch.tensor(0.3 if step == 3 else 0.4)})
    return found


def test_a_run_that_is_resumed_with_more_epochs_follows_the_longer_schedule():
    short, longer = optimizer_of(), optimizer_of()
    before = OneCycle().scheduler(short, STEPS)
    run_of(short, before, 0, STEPS)
    after = OneCycle().scheduler(longer, 2 * STEPS)
    longer.load_state_dict(short.state_dict())
    after.load_state_dict(before.state_dict())
    run_of(longer, after, 0, 1)
    assert longer.param_groups[0]["lr"] == GROUPS[0] * OneCycle().factor(STEPS + 1, 2 * STEPS)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *[(kind, {"warmup": share}) for kind in WARMED_UP for share in (1.0, -0.1)],
        (WarmupCosine, {"final_factor": 2.0}),
        (StepDecay, {"every": 0.0}),
        (StepDecay, {"gamma": 1.5}),
        (StepDecay, {"every": 0.1, "warmup": 0.2}),
        (MultiStepDecay, {"milestones": ()}),
        (MultiStepDecay, {"milestones": (0.5, 0.4)}),
        (MultiStepDecay, {"milestones": (0.5, 1.0)}),
        (MultiStepDecay, {"milestones": (30, 60)}),
        (MultiStepDecay, {"milestones": (0.1,), "warmup": 0.2}),
        (PolynomialDecay, {"power": 0.0}),
        (ExponentialDecay, {"end_factor": 0.0}),
        (Cyclic, {"cycles": 0}),
        (Cyclic, {"low_factor": 1.0}),
        (OneCycle, {"peak_at": 1.0}),
        (OneCycle, {"momentum": (0.9, 1.0)}),
        (OneCycle, {"shape": "cos"}),
        (Plateau, {"gamma": 1.0}),
        (Plateau, {"patience": -1}),
        (Plateau, {"mode": "lowest"}),
    ],
)
def test_bad_settings_name_themselves(kind, settings):
    with pytest.raises(ValueError, match=f"model.schedule.{next(iter(settings))}"):
        kind(**settings)


def test_every_schedule_is_compared():
    assert {kind for kind in subclasses(Schedule) if kind.__module__.startswith("facerec.")} - {
        kind for kind in subclasses(Schedule) if kind.__abstractmethods__
    } == set(ALL)


def subclasses(kind):
    return {one for child in kind.__subclasses__() for one in (child, *subclasses(child))}
