"""Identification of the images of a set of pairs, with its intervals."""

import numpy as np
import pytest
import torch

from facerec.metrics import (
    bootstrap_identification,
    bootstrap_mean,
    cumulative_match,
    leave_one_out,
    search_galleries,
    tpir_at_fpir,
)
from facerec.reports import identification, identify
from facerec.reports.identification import Identification
from facerec.reports.plain import from_plain, to_plain
from tests.reports.sets import embedded_people


def test_the_numbers_are_those_of_the_metrics():
    given = embedded_people()
    embeddings, people = torch.from_numpy(given["embeddings"]), given["subjects"]
    found, missing = identify(embeddings, people, fpirs=(0.5, 0.001))
    trials = leave_one_out(embeddings, people)
    intervals = bootstrap_identification(trials, 12, (0.5, 0.001))
    assert missing is None
    assert (found.people, found.probes, found.strangers, found.score) == (12, 48, 48, "cosine")
    assert found.cmc == cumulative_match(trials.ranks, 12).tolist()
    assert (found.cmc_interval_by_person, found.resamples) == (intervals.cmc, 1000)
    half, rare = found.tpir
    assert (half.fpir, half.tpir, half.threshold, half.supported) == tpir_at_fpir(trials, (0.5,))[0]
    assert half.interval_by_person == intervals.tpir[0]
    assert (rare.supported, rare.interval_by_person) == (False, None)


def test_probes_search_the_galleries_that_are_given():
    given = embedded_people()
    embeddings, people = torch.from_numpy(given["embeddings"]), given["subjects"]
    roles = np.where(np.arange(48) % 4 < 2, -1, people // 6)  # two probes and two entries of each person
    found, _ = identify(embeddings, people, (0.5,), roles)
    expected, precision = search_galleries(embeddings, people, roles)
    assert (found.people, found.entries, found.probes, found.strangers) == (12, 24, 24, 24)
    assert found.cmc == cumulative_match(expected.ranks, 24).tolist()
    assert found.mean_average_precision == precision.mean()
    assert found.mean_average_precision_interval == bootstrap_mean(precision, expected.people)
    assert found.tpir[0].tpir == tpir_at_fpir(expected, (0.5,))[0].tpir
    assert from_plain(Identification, to_plain(found)) == found
    assert identify(embeddings, people, galleries_N=np.full(48, -1)) == (None, "no probes or no gallery")
    assert identify(embeddings, people, galleries_N=np.where(people < 3, roles, -2))[1] == "only 3 people"


def test_why_there_is_none():
    people = np.arange(20) // 2
    assert identify(None, people) == (None, "no embeddings")
    assert identify(torch.randn(20, 4), None) == (None, "people unknown")
    assert identify(torch.randn(8, 4), people[:8]) == (None, "only 4 people")
    assert identify(torch.randn(6, 4), np.arange(6)) == (None, "one image of each person")


@pytest.mark.parametrize(("count", "resamples"), [(1, 1000), (20_000, 1000), (40_000, 500), (10**9, 100)])
def test_more_scores_are_resampled_less_often(count, resamples):
    assert identification.affordable_resamples(count) == resamples
