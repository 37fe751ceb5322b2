import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score
from torch.nn.functional import normalize

from facerec.metrics import cumulative_match, gallery_templates, leave_one_out, search, tpir_at_fpir
from facerec.reports.summary import identify

SCORES = np.array([[0.9, 0.3, 0.1], [0.5, 0.4, 0.2], [0.2, 0.6, 0.6], [0.3, 0.7, 0.1], [0.1, 0.2, 0.8]])
PROBES, GALLERY = [10, 20, 30, 99, 98], [10, 20, 30]  # 98 and 99 are strangers


def test_by_hand():
    trials = search(SCORES, PROBES, GALLERY)
    assert trials.ranks.tolist() == [1, 2, 2]  # the third shares its score with person 20: the tie counts against it
    assert trials.own_scores.tolist() == [0.9, 0.4, 0.6]
    assert trials.stranger_scores.tolist() == [0.7, 0.8]
    assert cumulative_match(trials.ranks, 3).tolist() == pytest.approx([1 / 3, 1, 1])


def test_open_set_by_hand():
    trials = search(np.repeat(SCORES, [1, 1, 1, 10, 10], axis=0), np.repeat(PROBES, [1, 1, 1, 10, 10]), GALLERY)
    half, all_of_them, tenth = tpir_at_fpir(trials, [0.5, 1.0, 0.1])
    assert (half.tpir, half.threshold) == (pytest.approx(1 / 3), pytest.approx(0.8))
    assert all_of_them.tpir == pytest.approx(1 / 3)  # no threshold: those at rank 1
    assert not tenth.supported  # 2 of 20 strangers
    assert np.isnan(tenth.tpir)


def test_cmc_against_scikit_learn():
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(80, 7)), generator.integers(0, 7, 80)
    cmc = cumulative_match(search(scores, labels, np.arange(7)).ranks, 7)
    for k in range(1, 7):
        assert cmc[k - 1] == pytest.approx(top_k_accuracy_score(labels, scores, k=k, labels=np.arange(7)))


def test_template_is_the_direction_of_the_mean_of_unit_embeddings():
    embeddings = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-3.0, 0.0]])
    templates, people = gallery_templates(embeddings, [7, 7, 4])
    assert people.tolist() == [4, 7]
    torch.testing.assert_close(templates, torch.tensor([[-1.0, 0.0], [0.5**0.5, 0.5**0.5]]))


def test_leave_one_out_against_a_gallery_built_anew_for_each_image():
    generator = torch.Generator().manual_seed(0)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    embeddings = torch.randn(9, 5, generator=generator)
    trials = leave_one_out(embeddings, labels)
    ranks, own, strangers = [], [], []
    for image in range(9):
        others = np.arange(9) != image
        strangers_gallery = labels != labels[image]
        templates, _ = gallery_templates(embeddings[strangers_gallery], labels[strangers_gallery])
        strangers.append((normalize(embeddings[image : image + 1]) @ templates.T).max().item())
        if (labels == labels[image]).sum() > 1:
            templates, people = gallery_templates(embeddings[others], labels[others])
            found = search(normalize(embeddings[image : image + 1]) @ templates.T, [labels[image]], people)
            ranks += found.ranks.tolist()
            own += found.own_scores.tolist()
    assert trials.ranks.tolist() == ranks
    np.testing.assert_allclose(trials.own_scores, own, atol=1e-6)
    np.testing.assert_allclose(trials.stranger_scores, strangers, atol=1e-6)


def test_without_a_second_image_or_person_there_is_nothing_to_identify():
    embeddings = torch.randn(6, 4)
    assert leave_one_out(embeddings, np.arange(6)) is None
    assert leave_one_out(embeddings, np.zeros(6)) is None
    assert identify(embeddings, None) == (None, "people unknown")
    assert identify(embeddings, np.arange(6) % 3) == (None, "only 3 people")
    assert identify(embeddings, np.arange(6)) == (None, "one image of each person")


def test_bad_galleries():
    with pytest.raises(ValueError, match="3 columns for 2 people"):
        search(SCORES, PROBES, [10, 20, 20])
    with pytest.raises(ValueError, match="probes by gallery"):
        search(SCORES, PROBES, [10, 20])
    with pytest.raises(ValueError, match="0 probes"):
        cumulative_match([], 5)


@pytest.mark.parametrize("dim", [3, 16, 128, 512])
def test_a_collapsed_network_identifies_nobody(dim):
    """All embeddings are one: everybody ties, ties count against the probe, and no rounding may break them."""
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        embeddings = torch.randn(1, dim, generator=generator).repeat(200, 1)
        trials = leave_one_out(embeddings, np.repeat(np.arange(20), 10))
        assert trials.ranks.min() == trials.ranks.max() == 20
        assert tpir_at_fpir(trials, [0.1])[0].tpir == 0.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_identifies_nobody(value):
    embeddings = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    embeddings[2, 1] = value
    labels = np.arange(6) // 2
    for refuse in (leave_one_out, gallery_templates):
        with pytest.raises(ValueError, match="embeddings contain NaN or inf: 1 of 6"):
            refuse(embeddings, labels)
    with pytest.raises(ValueError, match="scores contain NaN or inf: 1 of 4"):
        search([[0.1, value], [0.3, 0.4]], [0, 1], [0, 1])
