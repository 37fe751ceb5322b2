"""What losses draw in training: dropout and classes. The same draws give the same loss; others draw nothing."""

import math

import pytest
import torch
import torch.nn.functional as F

import facerec.losses as losses
from facerec.losses.functional import sample_classes
from tests.losses import loss_oracles as oracle
from tests.losses.loss_cases import CASES, batch, every_case, exact_parameters, seeded

DRAWING = pytest.mark.parametrize("case", [case for case in CASES if case.draws], ids=lambda case: case.name)


@every_case
def test_only_losses_with_such_a_setting_move_the_generator(case):
    loss = case.build(8, 6)
    x, y = batch(12, 8, 6, dtype=torch.float32)
    before = torch.get_rng_state()
    loss.eval()(x, y)
    loss.logits(x)
    assert torch.equal(torch.get_rng_state(), before)
    loss.train()(x, y)
    assert torch.equal(torch.get_rng_state(), before) != case.draws


@DRAWING
def test_draws_follow_the_seed(case):
    loss = case.build(8, 20)
    x, y = batch(12, 8, 6, dtype=torch.float32)
    loss.eval()(x, y)
    values = [seeded(loss.train(), x, y, seed) for seed in (1, 1, 2)]
    if not isinstance(loss, (losses.AdaFace, losses.CurricularFace)):  # what they count has moved
        assert values[0] == values[1]
    assert values[1] != values[2]


@pytest.mark.parametrize("hidden_dim", [0, 9])
def test_dropout_is_before_the_last_layer_and_in_training_alone(hidden_dim):
    torch.manual_seed(0)
    loss = losses.Softmax(hidden_dim=hidden_dim, dropout=0.4, bias=True).build(8, 6).double()
    x, y = batch(12, 8, 6)
    p = exact_parameters(loss)
    features = oracle.hidden(x, p["hidden.weight"], p["hidden.bias"]) if hidden_dim else x
    torch.manual_seed(7)
    kept = F.dropout(torch.ones_like(features), 0.4)
    assert set(kept.flatten().tolist()) == {0.0, 1.0 / 0.6}
    expected = oracle.softmax(features * kept, p["weight"], y.tolist(), bias=p["bias"])
    torch.testing.assert_close(seeded(loss, x, y), expected)
    torch.testing.assert_close(loss.logits(x), features @ p["weight"].T + p["bias"])


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_sampled_uce_is_that_of_the_drawn_classes(share):
    torch.manual_seed(0)
    loss = losses.UCE(scale=20.0, negative_weight=0.5, negative_share=share).build(8, 20).double()
    assert loss.bias.item() == pytest.approx(math.log(10.0 * share * 20))
    x, y = batch(5, 8, 5)
    y = y * 3
    torch.manual_seed(7)
    classes, places = sample_classes(y, 20, share)
    slow_x, p = x.clone().requires_grad_(), exact_parameters(loss)
    expected = oracle.uce(slow_x, p["weight"][classes], places.tolist(), p["bias"], 20.0, 0.4, 0.5)
    expected.backward()
    value = seeded(loss, x.requires_grad_(), y)
    value.backward()
    torch.testing.assert_close(value, expected)
    for ours, theirs in ((x, slow_x), (loss.weight, p["weight"]), (loss.bias, p["bias"])):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize(("share", "count"), [(0.3, 6), (0.1, 4), (1.0, 20)])
def test_the_classes_of_the_batch_are_always_drawn_and_the_others_equally_often(share, count):
    labels = torch.tensor([3, 17, 3, 11])
    torch.manual_seed(0)
    times = torch.zeros(20)
    for _ in range(400):
        classes, places = sample_classes(labels, 20, share)
        assert len(classes) == count
        assert classes[places].tolist() == labels.tolist()
        assert (classes.diff() > 0).all()
        times[classes] += 1
    others = torch.ones(20, dtype=torch.bool)
    others[labels] = False
    expected = (count - 3) / 17
    assert ((times[others] / 400 - expected).abs() < 4.5 * math.sqrt(expected * (1 - expected) / 400) + 1e-9).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: losses.Softmax(dropout=0.3),
        lambda: losses.Softmax(dropout=0.3, hidden_dim=9),
        lambda: losses.UCE(scale=20.0, negative_share=0.7),
    ],
    ids=["dropout", "mlp-dropout", "uce-sampled"],
)
def test_gradcheck_with_draws(make):
    torch.manual_seed(0)
    loss = make().build(5, 6).double()
    x, y = batch(9, 5, 4, seed=3)
    assert torch.autograd.gradcheck(
        lambda x, *parameters: seeded(loss, x, y), (x.requires_grad_(), *loss.parameters()), atol=1e-4, rtol=1e-4
    )


def test_the_gradient_of_the_threshold_balances_own_and_other_classes():
    """At the optimum of b, as many own pairs are below the threshold as others are above: sums of probabilities."""
    torch.manual_seed(0)
    loss = losses.UCE(scale=8.0, cosine_margin=0.0).build(8, 6).double()
    x, y = batch(12, 8, 6)
    optimizer = torch.optim.LBFGS([loss.bias], max_iter=50, tolerance_grad=1e-12, tolerance_change=1e-14)

    def closure():
        optimizer.zero_grad()
        value = loss(x, y)
        value.backward()
        return value

    optimizer.step(closure)
    logits = loss.logits(x) - loss.bias
    own = torch.sigmoid(-logits.gather(1, y[:, None])).sum()
    others = torch.sigmoid(logits).scatter(1, y[:, None], 0.0).sum()
    torch.testing.assert_close(own, others, rtol=1e-5, atol=1e-6)
    assert loss.statistics()["threshold"].item() == pytest.approx(loss.bias.item() / 8.0, abs=1e-3)
