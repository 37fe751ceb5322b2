"""A loss on deep people beside a loss on two views of shallow people."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import ArgumentParser

from facerec.losses import ArcFace, Center, Contrastive, DeepAndShallow, Joint, NormFace, Ramp, SupCon, Triplet
from tests.losses import loss_oracles as oracle
from tests.losses.loss_cases import batch


def built(dim, classes, seed=0, **settings):
    torch.manual_seed(1000 + seed)
    return DeepAndShallow(NormFace(20.0), SupCon(0.2), **{"weight": 0.5, **settings}).build(dim, classes)


def two_parts(deep, people, dim, classes, seed=0):
    """Embeddings of deep images and of two views of each shallow person, and the labels of the former."""
    x, y = batch(deep + 2 * people, dim, classes, seed)
    return x, y[:deep]


@pytest.mark.parametrize(("deep", "people"), [(9, 3), (5, 1), (4, 0), (1, 4)])
def test_equals_its_oracle(deep, people):
    loss = built(6, 5).double()
    x, y = two_parts(deep, people, 6, 5)
    weight = loss.parts["deep"].weight
    slow_x, slow_w = x.clone().requires_grad_(), weight.detach().clone().requires_grad_()
    if people or len(set(y.tolist())) < deep:
        expected = oracle.deep_and_shallow(slow_x, slow_w, y.tolist(), people, 20.0, 0.2, 0.5)
    else:
        expected = oracle.normface(slow_x, slow_w, y.tolist(), 20.0)  # no anchor has a positive
    expected.backward()
    value = loss(x.requires_grad_(), y)
    value.backward()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(x.grad, slow_x.grad)
    torch.testing.assert_close(weight.grad, slow_w.grad)


def test_gradcheck():
    loss = built(5, 4).double()
    x, y = two_parts(4, 2, 5, 4)
    weight = loss.parts["deep"].weight
    assert torch.autograd.gradcheck(lambda x, _: loss(x, y), (x.requires_grad_(), weight))


def test_shallow_people_do_not_touch_the_classifier():
    loss = built(6, 5)
    x, y = two_parts(8, 3, 6, 5)
    loss(x, y).backward()
    alone = built(6, 5)
    alone.parts["deep"](x[:8], y).backward()
    torch.testing.assert_close(loss.parts["deep"].weight.grad, alone.parts["deep"].weight.grad, rtol=0, atol=0)


def test_a_deep_person_never_counts_as_a_shallow_one():
    """Labels of shallow people are behind those of all classes, also of classes that the batch does not show."""
    loss = built(6, 5)
    x, _ = two_parts(4, 2, 6, 5)
    _, labels = loss.batch_of("shallow", x, torch.tensor([0, 4, 3, 4]))
    assert labels.tolist() == [0, 4, 3, 4, 5, 6, 5, 6]


@given(
    exponents=st.lists(st.floats(-12.0, 6.0), min_size=3, max_size=12),
    people=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_fuzz_no_loss_is_ever_nan(exponents, people, seed):
    people = min(people, (len(exponents) - 1) // 2)
    generator = torch.Generator().manual_seed(seed)
    x = torch.nn.functional.normalize(torch.randn(len(exponents), 4, generator=generator))
    x = (x * torch.tensor([10.0**e for e in exponents])[:, None]).requires_grad_()
    y = torch.randint(5, (len(x) - 2 * people,), generator=generator)
    value = built(4, 5, seed % 1000)(x, y)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(("embeddings", "labels"), [(5, 4), (3, 4), (4, 5)])
def test_embeddings_that_are_no_two_views_are_refused(embeddings, labels):
    with pytest.raises(ValueError, match=f"got {embeddings} embeddings and {labels} labels: behind the labelled"):
        built(6, 5)(torch.randn(embeddings, 6), torch.zeros(labels, dtype=torch.int64))


@pytest.mark.parametrize("loss", [ArcFace(), SupCon(), Joint({"arc": ArcFace()})])
def test_other_losses_want_a_label_for_each_embedding(loss):
    loss.build(6, 5)
    with pytest.raises(ValueError, match="got 6 embeddings and 4 labels: it needs a label for each"):
        loss(torch.randn(6, 6), torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DeepAndShallow(ArcFace(), ArcFace()), "shallow=ArcFace keeps something for each person"),
        (lambda: DeepAndShallow(ArcFace(), Joint({"s": SupCon(), "c": Center()})), "shallow=Joint keeps something"),
        (lambda: DeepAndShallow(ArcFace(), Joint({"j": Joint({"n": NormFace()})})), "shallow=Joint keeps something"),
        (lambda: DeepAndShallow(ArcFace(), SupCon(), -1.0), "loss 'shallow': weight=-1.0"),
    ],
)
def test_settings_that_cannot_work_say_so(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_it_needs_of_batches_is_what_its_deep_loss_needs():
    assert DeepAndShallow(ArcFace(), SupCon()).takes_shallow
    assert not DeepAndShallow(ArcFace(), SupCon()).needs_positives
    assert DeepAndShallow(Joint({"arc": ArcFace(), "triplet": Triplet()}), SupCon()).needs_positives
    assert not DeepAndShallow(ArcFace(), SupCon()).takes_soft_labels
    assert not Joint({"both": DeepAndShallow(ArcFace(), SupCon())}).takes_shallow


def test_the_weight_may_ramp_and_any_loss_on_pairs_will_do():
    loss = built(6, 5, weight=Ramp(0.0, 1.0, 2))
    contrastive = DeepAndShallow(NormFace(20.0), Joint({"c": Contrastive()})).build(6, 5)
    x, y = two_parts(8, 3, 6, 5)
    assert torch.isfinite(contrastive(x, y))
    seen = []
    for _ in range(3):
        loss(x, y)
        seen.append(loss.statistics()["shallow/weight"].item())
        loss.step()
    assert seen == [0.0, 0.5, 1.0]
    assert loss.statistics()["shallow/anchors_without_positive"].item() == 2  # classes 3 and 4 come once


def test_it_is_written_in_yaml_like_any_loss():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(DeepAndShallow, "loss")
    arc = {"class_path": "facerec.losses.ArcFace", "init_args": {"scale": 24.0}}
    settings = {"deep": arc, "shallow": {"class_path": "facerec.losses.SupCon"}, "weight": 0.3}
    config = parser.parse_object({"loss": {"class_path": "facerec.losses.DeepAndShallow", "init_args": settings}})
    loss = parser.instantiate(config).loss
    assert (loss.parts["deep"].scale, loss.weights["shallow"]) == (24.0, 0.3)
