"""Settings that cannot work say so, and sums of losses keep their books."""

import math
from itertools import pairwise

import pytest
import torch
from jsonargparse import ArgumentError, ArgumentParser

import facerec.losses as losses
from facerec.losses import Joint, Ramp, Softmax, Triplet
from facerec.losses.functional import smallest_scale
from tests.losses.loss_cases import batch, every_case


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.ArcFace(scale=0.0), "ArcFace scale=0.0"),
        (lambda: losses.ArcFace(margin_warmup=-1), "ArcFace margin_warmup=-1"),
        (lambda: losses.ArcFace(scale=math.nan), "ArcFace scale=nan"),
        (lambda: losses.ArcFace(angular_margin=28.6), r"ArcFace angular_margin=28.6: must be in \[0, 3.14159\]"),
        (lambda: losses.CosFace(cosine_margin=-0.1), "CosFace cosine_margin=-0.1"),
        (lambda: losses.CombinedMargin(angle_factor=0.0), "CombinedMargin angle_factor=0.0"),
        (lambda: losses.SphereFace(angle_factor=5), "SphereFace angle_factor=5: choose one of 1, 2, 3, 4"),
        (lambda: losses.SphereFace(lambda_end=-1.0), "SphereFace lambda_end=-1.0"),
        (lambda: losses.SubCenterArcFace(subcenters=0), "SubCenterArcFace subcenters=0"),
        (lambda: losses.AdaFace(concentration=0.0), "AdaFace concentration=0.0"),
        (lambda: losses.CurricularFace(momentum=1.5), "CurricularFace momentum=1.5"),
        (lambda: losses.Softmax(label_smoothing=1.0), "Softmax label_smoothing=1.0"),
        (lambda: losses.Softmax(dropout=1.0), "Softmax dropout=1.0"),
        (lambda: losses.Softmax(hidden_dim=-1), "Softmax hidden_dim=-1"),
        (lambda: losses.UCE(negative_weight=-1.0), "UCE negative_weight=-1.0"),
        (lambda: losses.UCE(negative_share=0.0), r"UCE negative_share=0.0: must be in \(0, 1\]"),
        (lambda: losses.Sharding(sample_rate=0.0), r"Sharding sample_rate=0.0: must be in \(0, 1\]"),
        (lambda: losses.ArcFace(sharded=True, synthesis=losses.Synthesis()), "ArcFace sharded and synthesis"),
        (lambda: losses.UCE(sharded=losses.Sharding(0.5)), "UCE sharded.sample_rate=0.5: .* Set negative_share"),
        (
            lambda: losses.Softmax(label_smoothing=0.1, sharded=losses.Sharding(0.5)),
            "Softmax label_smoothing=0.1: it is",
        ),
        (lambda: losses.Synthesis(alpha=0.0), "Synthesis alpha=0.0"),
        (lambda: losses.Synthesis(ratio=1.5), r"Synthesis ratio=1.5: must be in \(0, 1\]"),
        (lambda: losses.Contrastive(distance_margin=0.0), "Contrastive distance_margin=0.0"),
        (lambda: losses.Triplet(distance_margin=-1.0), "Triplet distance_margin=-1.0"),
        (lambda: losses.Triplet(distance="manhattan"), "Triplet distance='manhattan': choose one of squared_euclidean"),
        (lambda: losses.Triplet(strategy="hard"), "Triplet strategy='hard': choose one of all, semi_hard, batch_hard"),
        (lambda: losses.Triplet(average="sum"), "Triplet average='sum': choose one of all, active, none"),
        (lambda: losses.NPair(temperature=0.0), "NPair temperature=0.0"),
        (lambda: losses.Histogram(num_bins=1), "Histogram num_bins=1"),
        (lambda: losses.Circle(relaxation=2.0), "Circle relaxation=2.0"),
        (lambda: losses.CircleClassifier(relaxation=2.0), "CircleClassifier relaxation=2.0"),
        (lambda: losses.SupCon(temperature=-1.0), "SupCon temperature=-1.0"),
        (lambda: losses.Center(center_rate=2.0), "Center center_rate=2.0"),
        (lambda: Joint({}), "name at least one"),
        (lambda: Joint({False: Softmax()}), "Joint losses: YAML reads the name False as no text"),
        (lambda: Joint({"a.b": Softmax()}), "cannot be called 'a.b': give a name without '.' and '/'"),
        (lambda: Joint({"a/b": Softmax()}), "cannot be called 'a/b'"),
        (lambda: Joint({"type": Softmax()}), "cannot be called 'type', a word of PyTorch's"),
        (lambda: Joint({"ce": Softmax()}, {"triplet": 1.0}), r"weights for \['triplet'\], but the losses are \['ce'\]"),
        (lambda: Joint({"ce": Softmax()}, {"ce": -1.0}), "Joint loss 'ce': weight=-1.0: must be at least 0"),
        (lambda: Joint({"ce": Softmax()}, {"ce": Ramp(1.0, -1.0)}), "Ramp end=-1.0: must be at least 0"),
        (lambda: Ramp(steps=0), "Ramp steps=0"),
        (lambda: Ramp(first_step=-1), "Ramp first_step=-1"),
        (lambda: Ramp(shape="step"), "Ramp shape='step': choose one of linear, cosine"),
        (lambda: losses.Computation("fast"), "Computation implementation='fast': choose one of auto, blocked, plain"),
        (lambda: losses.Computation(matmul_precision="float16"), "Computation matmul_precision='float16'"),
        (lambda: losses.ArcFace().build(0, 10), "embedding_dim=0"),
    ],
)
def test_settings_that_cannot_work_say_so(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@every_case
@pytest.mark.parametrize("labels", [torch.rand(6, 5), torch.rand(6), torch.tensor([[0, 1]] * 6)], ids=["BC", "B", "B2"])
def test_soft_labels_are_refused(case, labels):
    loss = case.build(4, 5)
    with pytest.raises(ValueError, match="soft labels"):
        loss(torch.randn(6, 4), labels)


@every_case
@pytest.mark.parametrize("label", [-1, 5])
def test_labels_outside_the_people_are_refused(case, label):
    loss = case.build(4, 5)
    with pytest.raises(ValueError, match=r"they must lie in \[0, 5\)"):
        loss(torch.randn(3, 4), torch.tensor([0, 1, label]))


@pytest.mark.parametrize("loss", [losses.ArcFace(), losses.Softmax(), losses.Center()])
def test_a_loss_that_was_not_built_says_so(loss):
    with pytest.raises(ValueError, match="build"):
        loss(torch.randn(3, 4), torch.tensor([0, 1, 2]))


@every_case
def test_build_returns_the_loss(case):
    loss = case.make(**case.settings)
    assert loss.build(4, 5) is loss
    assert loss.num_classes == 5


def test_a_scale_too_small_for_the_people_warns_with_the_number():
    assert smallest_scale(8631) == pytest.approx(11.3, abs=0.05)  # numerics of the CosFace paper at P = 0.9
    with pytest.warns(UserWarning, match="Set scale to at least 11.3"):
        losses.CosFace(scale=10.0).build(2, 8631)


def test_a_good_scale_does_not_warn(recwarn):
    losses.CosFace(scale=12.0).build(2, 8631)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("ramp", "expected"),
    [
        (Ramp(0.0, 1.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]),
        (Ramp(2.0, 1.0, 2, first_step=1), [2.0, 2.0, 1.5, 1.0, 1.0, 1.0]),
        (Ramp(0.0, 1.0, 4, shape="cosine"), [0.5 * (1 - math.cos(math.pi * min(k / 4, 1))) for k in range(6)]),
    ],
)
def test_ramped_weights_are_stepped_logged_and_resumed(ramp, expected):
    x, y = batch(8, 4, 4, dtype=torch.float32)

    def build():
        torch.manual_seed(0)
        loss = Joint({"ce": Softmax(), "triplet": Triplet()}, {"triplet": ramp})
        loss.build(4, 4)
        return loss

    loss, seen = build(), []
    for step in range(6):
        if step == 3:  # killed and resumed
            state, loss = loss.state_dict(), build()
            loss.load_state_dict(state)
        value = loss(x, y)
        statistics = loss.statistics()
        seen.append(statistics["triplet/weight"].item())
        parts = statistics["ce/loss"] + statistics["triplet/weight"] * statistics["triplet/loss"]
        torch.testing.assert_close(value.detach(), parts)
        loss.step()
    assert seen == pytest.approx(expected, abs=1e-6)
    assert "triplet/active_fraction" in statistics
    loss.eval()
    loss(x, y)
    assert loss.steps.item() == 6


def test_a_step_of_a_sum_is_a_step_of_its_parts():
    sphere = losses.SphereFace()
    loss = Joint({"inner": Joint({"sphere": sphere}), "triplet": Triplet()})
    loss.build(4, 4)
    loss.step()
    assert loss.steps.item() == sphere.steps.item() == 1


def test_parameters_of_every_part_are_those_of_the_sum():
    loss = Joint({"arc": losses.ArcFace(), "center": losses.Center(), "ce": Softmax(bias=True)})
    loss.build(4, 3)
    assert {name for name, _ in loss.named_parameters()} == {"losses.arc.weight", "losses.ce.weight", "losses.ce.bias"}
    assert "losses.center.centers" in loss.state_dict()
    assert not loss.needs_positives
    assert Joint({"ce": Softmax(), "pairs": Joint({"triplet": Triplet()})}).needs_positives


@pytest.mark.parametrize("name", ["ArcFace", "CosFace", "CombinedMargin", "SubCenterArcFace"])
def test_a_warmed_margin_starts_without_margin_and_ends_as_the_loss_itself(name):
    embeddings, labels = batch(8, 16, 5)
    warmed, whole = getattr(losses, name)(margin_warmup=4), getattr(losses, name)()
    none = losses.NormFace()
    for loss in (warmed, whole, none):
        loss.double().build(16, 5)
    whole.double().load_state_dict(warmed.double().state_dict())
    start, end = warmed(embeddings, labels), whole(embeddings, labels)
    if name != "SubCenterArcFace":
        none.double().load_state_dict(warmed.state_dict())
        torch.testing.assert_close(start, none(embeddings, labels))
    seen = [start]
    for _ in range(6):
        warmed.step()
        seen.append(warmed(embeddings, labels))
    assert all(before < after for before, after in pairwise(seen[:5]))
    assert seen[4] == seen[6] == end


@pytest.mark.parametrize("name", ["ArcFace", "AdaFace", "CircleClassifier", "SphereFace", "SubCenterArcFace"])
def test_the_computation_is_one_nested_setting(name):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(losses.Loss, "loss")
    given = ["--loss.computation.implementation=plain", "--loss.computation.matmul_precision=bfloat16"]
    config = parser.parse_args([f"--loss=facerec.losses.{name}", *given])
    loss = parser.instantiate(config).loss
    assert loss.softmax.computation == losses.Computation("plain", "bfloat16")
    with pytest.raises(ArgumentError, match="implementation"):
        parser.parse_args([f"--loss=facerec.losses.{name}", "--loss.computation.implementation=fast"])
