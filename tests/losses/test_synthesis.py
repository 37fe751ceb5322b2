"""Proxy synthesis: who is mixed with whom, and the losses of real and synthetic people against the slow ones."""

import math

import pytest
import torch
from jsonargparse import ArgumentError, ArgumentParser

import facerec.losses as losses
from facerec.losses import Computation, Synthesis
from facerec.losses.functional import draw_mixture
from tests.losses import loss_oracles as oracle
from tests.losses.loss_cases import batch, exact_parameters, seeded

LABELS = [0, 0, 0, 1, 1, 2, 2, 3, 0, 1, 2, 0]  # people of several images, so that the same two are mixed twice


MIXED = [
    ("NormFace", {"scale": 20.0}, (oracle.normface, 20.0)),
    ("CosFace", {}, (oracle.cosface, 64.0, 0.35)),
    ("ArcFace", {"scale": 32.0}, (oracle.arcface, 32.0, 0.5)),
    ("CombinedMargin", {}, (oracle.combined, 64.0, 1.0, 0.3, 0.2)),
    ("CurricularFace", {"momentum": 0.5}, (oracle.curricularface, 64.0, 0.5, 0.5, len(LABELS))),
    ("CircleClassifier", {"scale": 64.0}, (oracle.circle_classifier, 64.0, 0.25)),
    ("UCE", {"scale": 20.0}, (oracle.uce, None, 20.0, 0.4)),
    ("AdaFace", {}, ()),
]
every_mixed = pytest.mark.parametrize(("name", "settings", "slow"), MIXED, ids=[name for name, _, _ in MIXED])


def build(name, settings, synthesis, **more):
    torch.manual_seed(3)
    return getattr(losses, name)(**settings, synthesis=synthesis, **more).build(6, 5).double()


def expected(name, slow, e, p, y, mixture):
    """The loss of the oracle, which tells real and synthetic people apart one by one."""
    partners = mixture.partners.tolist()
    x, v, labels = oracle.with_synthetic(e, p["weight"], y, mixture.share, partners)
    if name == "AdaFace":
        q = oracle.quality(e, 0.333, 0.01)
        q += [mixture.share * q[i] + (1.0 - mixture.share) * q[j] for i, j in enumerate(partners)]
        return oracle.adaptive_margin(x, v, labels, 64.0, 0.4, q)
    function, *args = slow
    return function(x, v, labels, *[p["bias"] if arg is None else arg for arg in args])


@every_mixed
@pytest.mark.parametrize("implementation", ["blocked", "plain"])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_real_and_synthetic_people_equal_the_oracle(name, settings, slow, implementation, ratio):
    synthesis = Synthesis(alpha=2.0, ratio=ratio)
    computed = {} if name == "UCE" else {"computation": Computation(implementation)}
    loss = build(name, settings, synthesis, **computed)
    y = torch.tensor(LABELS)
    x, _ = batch(len(y), 6, 5)
    torch.manual_seed(7)
    mixture = draw_mixture(y, synthesis)
    assert len(mixture.partners) == ratio * len(y)
    slow_x, parameters = x.clone().requires_grad_(), exact_parameters(loss)
    reference = expected(name, slow, slow_x, parameters, LABELS, mixture)
    reference.backward()
    value = seeded(loss, x.requires_grad_(), y)
    value.backward()
    torch.testing.assert_close(value, reference, rtol=1e-6, atol=1e-6)
    for ours, theirs in [(x, slow_x), *((p, parameters[key]) for key, p in loss.named_parameters())]:
        assert (ours.grad - theirs.grad).norm() < 1e-4 * theirs.grad.norm()


@pytest.mark.parametrize("name", [name for name, _, _ in MIXED if name != "CircleClassifier"])  # which detaches
def test_gradcheck_with_synthetic_people(name):
    loss = build(name, {}, Synthesis(alpha=2.0))
    loss.momentum = 0.0  # what a loss counts stands still
    y = torch.tensor(LABELS[3:10])
    x, _ = batch(len(y), 6, 5)
    if name == "AdaFace":
        quality_B = loss.quality(x)
        loss.quality = lambda embeddings_BD: quality_B
    parameters = list(loss.parameters())
    assert torch.autograd.gradcheck(
        lambda x, *parameters: seeded(loss, x, y), (x.requires_grad_(), *parameters), eps=1e-6, atol=1e-4, rtol=1e-4
    )


@every_mixed
def test_a_batch_of_one_person_is_as_without_synthesis(name, settings, slow):
    """Nobody is there to be mixed with: each image is counted twice, and the mean stays."""
    x, y = batch(4, 6, 1)
    mixed, plain = build(name, settings, Synthesis()), build(name, settings, None)
    torch.testing.assert_close(seeded(mixed, x, y), seeded(plain, x, y), rtol=1e-9, atol=1e-12)


@every_mixed
def test_there_are_no_synthetic_people_in_evaluation(name, settings, slow):
    x, y = batch(10, 6, 5)
    mixed, plain = build(name, settings, Synthesis()).eval(), build(name, settings, None).eval()
    assert torch.equal(mixed(x, y), plain(x, y))


def test_synthetic_people_are_harder_to_tell_apart():
    x, y = batch(10, 6, 5)
    assert seeded(build("ArcFace", {}, Synthesis()), x, y) != build("ArcFace", {}, None)(x, y)


def test_a_partner_is_any_image_of_another_person():
    labels = torch.tensor([0, 0, 0, 0, 1, 2])
    torch.manual_seed(0)
    drawn = torch.stack([draw_mixture(labels, Synthesis()).partners for _ in range(600)])
    assert (labels[drawn] != labels).all()
    for image, others in enumerate([2, 2, 2, 2, 5, 5]):
        counts = torch.bincount(drawn[:, image], minlength=6)
        deviation = math.sqrt(600 / others * (1.0 - 1.0 / others))
        assert ((counts[labels != labels[image]] - 600 / others).abs() < 4.0 * deviation).all()


@pytest.mark.parametrize("alpha", [0.4, 1.0, 4.0])
def test_lambda_has_the_moments_of_its_distribution(alpha):
    torch.manual_seed(0)
    shares = torch.tensor([draw_mixture(torch.tensor([0, 1]), Synthesis(alpha)).share for _ in range(2000)])
    variance = 1.0 / (4.0 * (2.0 * alpha + 1.0))
    assert shares.mean().item() == pytest.approx(0.5, abs=4.0 * math.sqrt(variance / 2000))
    assert shares.var().item() == pytest.approx(variance, rel=0.15)


def test_it_is_one_nested_setting_of_the_margin_losses():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(losses.Loss, "loss")
    config = parser.parse_args(["--loss=facerec.losses.CosFace", "--loss.synthesis.alpha=1.0"])
    assert parser.instantiate(config).loss.synthesis == Synthesis(alpha=1.0, ratio=1.0)
    assert parser.instantiate(parser.parse_args(["--loss=facerec.losses.CosFace"])).loss.synthesis is None
    for name in ("Softmax", "SphereFace", "SubCenterArcFace"):
        with pytest.raises(ArgumentError, match="synthesis"):
            parser.parse_args([f"--loss=facerec.losses.{name}", "--loss.synthesis.alpha=1.0"])
