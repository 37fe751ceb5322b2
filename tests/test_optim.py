import pytest
import torch

from facerec.backbones import ResNet
from facerec.losses import ArcFace
from facerec.optim import WarmupCosine, parameter_groups, scale_loss_lr


def test_schedule_by_hand():
    schedule = WarmupCosine(warmup=0.2, final_factor=0.1)
    factors = [schedule.factor(step, 10) for step in range(11)]
    assert factors[:2] == [0.5, 1.0]
    assert factors[2] == pytest.approx(1.0)
    assert factors[6] == pytest.approx(0.1 + 0.9 * 0.5)  # halfway between steps 2 and 10
    assert factors[10] == pytest.approx(0.1)
    assert schedule.factor(50, 10) == pytest.approx(0.1)
    assert factors[2:] == sorted(factors[2:], reverse=True)


def test_schedule_against_torch():
    weight = torch.nn.Parameter(torch.zeros(1))
    ours, theirs = torch.optim.SGD([weight], lr=0.3), torch.optim.SGD([weight], lr=0.3)
    mine = WarmupCosine(warmup=0.0).scheduler(ours, 20)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, 20)
    for _ in range(20):
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], abs=1e-9)
        for optimizer, scheduler in ((ours, mine), (theirs, reference)):
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("settings", [{"warmup": 1.0}, {"warmup": -0.1}, {"final_factor": 2.0}])
def test_bad_schedule_names_its_setting(settings):
    with pytest.raises(ValueError, match=f"model.schedule.{next(iter(settings))}"):
        WarmupCosine(**settings)


def test_every_parameter_is_in_one_group_and_gains_do_not_decay():
    backbone, loss = ResNet(18, 16, 4), ArcFace()
    loss.build(16, 5)
    groups = {group["name"]: group for group in parameter_groups(backbone, loss)}
    grouped = [id(parameter) for group in groups.values() for parameter in group["params"]]
    expected = [id(parameter) for module in (backbone, loss) for parameter in module.parameters()]
    assert sorted(grouped) == sorted(expected)
    assert all(parameter.ndim == 1 for parameter in groups["backbone_no_decay"]["params"])
    assert all(parameter.ndim > 1 for parameter in groups["backbone"]["params"])
    assert groups["backbone_no_decay"]["weight_decay"] == 0.0
    assert [id(parameter) for parameter in groups["loss"]["params"]] == [id(loss.weight)]


def test_loss_parameters_can_have_their_own_rate():
    backbone, loss = ResNet(18, 16, 4), ArcFace()
    loss.build(16, 5)
    optimizer = torch.optim.SGD(parameter_groups(backbone, loss), lr=0.1, weight_decay=5e-4)
    scale_loss_lr(optimizer, 10.0)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.1, 1.0]
