"""`facerec report`: what the page of a run says, and that it says nothing else than the run's own files."""

import re
import shutil
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch

from facerec.cli.report import make_parser
from facerec.pages.page import LARGEST
from facerec.reports import compare_paired, identify, read_metrics, write_metrics
from tests.cli.conftest import assert_refused, run
from tests.pages.conftest import HOSTILE, HOSTILE_FOLDERS
from tests.reports.sets import embedded_people

RUN = Path("runs", "orl_resnet18_arcface", "version_0")
OTHER = RUN.with_name("version_1")


@pytest.fixture
def here(work, tmp_path, monkeypatch) -> Path:
    """A copy of the working directory, to change."""
    shutil.copytree(work, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def page(*arguments: object, name: str = "page.html") -> str:
    """The HTML that a command writes."""
    assert run("report", *arguments, "-o", name) == 0
    return Path(name).read_text(encoding="utf-8")


def words(html: str) -> str:
    """What a reader sees of a page, in one line."""
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<wbr>|<[^>]+>", "", body)))


def test_a_page_has_the_answers_and_the_numbers_of_the_test(work, page_of_one):
    html = page_of_one.read_text(encoding="utf-8")
    said = words(html)
    titles = [unescape(re.sub("<[^>]+>", "", title)) for title in re.findall(r"<h[123].*?</h[123]>", html)]
    assert titles == [
        "orl_resnet18_arcface/version_0",
        "Three answers",
        "1 Does the network recognise people it has never seen?",
        "2 Which choice made it better?",
        "3 Can I trust the number?",
        *("Settings and data", "Settings", "Environment", "Data"),
        *("Results", "Training", "Numbers", "Error rates", "Hardest pairs", "People in the plane"),
        "Model card",
    ]
    numbers = read_metrics(work / RUN / "test" / "metrics.json").sets["orl"]
    low, high = numbers.interval_by_person.equal_error_rate
    assert f"equal error rate{numbers.eer:.2%}95% by person: {low:.2%} to {high:.2%}" in said
    assert f"test people10 test pairs4,950450 genuine, {numbers.impostor:,} impostor" in said
    cost = numbers.likelihood_cost
    assert re.search(rf"AUC.*Cllr, bits.{{,100}}{cost.cllr:.3f}.*min Cllr, bits.{{,150}}{cost.min_cllr:.3f}", said)
    assert "One run cannot say which choice made it better." in said
    assert "No person and no image is in two of training, validation and test" in said
    assert "training24192ORLImages" in said
    assert len(html.encode()) < LARGEST


def test_a_set_with_a_gallery_of_its_own_shows_its_mean_average_precision(here):
    assert "mAP" not in page(RUN, "--tsne", "false", "--faces", "false")
    people, first = np.arange(48) // 4, np.arange(48) % 4 == 0
    embeddings = embedded_people()["embeddings"]
    found, _ = identify(torch.from_numpy(embeddings), people, galleries_N=np.where(first, 0, -1))
    path = RUN / "test" / "metrics.json"
    measured = read_metrics(path)
    write_metrics(path, replace(measured, sets={"orl": replace(measured.sets["orl"], identification=found)}))
    low, high = found.mean_average_precision_interval
    said = words(page(RUN, "--tsne", "false", "--faces", "false"))
    assert re.search(
        rf"mAPmean average precision.{{,90}}{found.mean_average_precision:.2%}{low:.2%} to {high:.2%}", said
    )


def test_groups_of_the_test_are_shown_with_their_intervals(here):
    Path("people.csv").write_text(
        "person,half\n" + "".join(f"s{n},{'old' if n < 36 else 'new'}\n" for n in range(31, 41))
    )
    assert run("test", "--ckpt_path", RUN, "--groups", "people.csv", "--trainer.enable_progress_bar=false") == 0
    said = words(page(RUN, "--tsne", "false"))
    [attribute] = read_metrics(RUN / "test" / "metrics.json").sets["orl"].groups
    assert f"Groups by half, test pairs orl, at the threshold {attribute.threshold:.4f}." in said
    for group in attribute.groups:
        assert f"{group.name}5{group.frr.rate:.2%} ({group.frr.interval.low:.2%} - " in said
    assert "Under results stands how they differ between groups by half." in said


def test_a_page_loads_nothing(page_of_two):
    html = page_of_two.read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s>)]+)""", html)
    assert links
    assert {link for link in links if not link.startswith(("data:", "#"))} == set()
    assert "http:" not in html
    assert "https:" not in html


def test_the_same_command_gives_the_same_page(here, page_of_one, capsys):
    assert run("report", RUN) == 0
    name = "report_orl_resnet18_arcface_version_0.html"
    assert capsys.readouterr().out == f"{name}\n"
    assert Path(name).read_bytes() == page_of_one.read_bytes()


def test_a_run_that_was_not_tested_names_the_command(here):
    shutil.rmtree(RUN / "test")
    (RUN / "test_looks.json").unlink()
    said = words(page(RUN, "--tsne", "false"))
    assert "Not known yet: this run was not tested." in said
    assert f"facerec test --ckpt_path {RUN}" in said
    assert "There is no number yet." in said
    assert "Training curves." in said
    assert "Hardest pairs" not in said


def test_two_runs_get_the_verdict_of_compare(work, page_of_two):
    said = words(page_of_two.read_text(encoding="utf-8"))
    [found] = compare_paired(work / RUN, work / OTHER).sets.values()
    assert f"By the EER: {found.verdict}." in said
    assert f"{found.eer.difference:+.2%}{found.eer.interval.low:+.2%} to {found.eer.interval.high:+.2%}" in said
    assert " ".join(found.notes) in said
    assert "A and B have the same settings." in said


def test_runs_that_cannot_be_compared_say_why(here):
    scores = OTHER / "test" / "orl_scores.csv"
    scores.write_text(scores.read_text().replace("s31", "t31"))
    said = words(page(RUN, OTHER, "--tsne", "false"))
    assert "The two cannot be compared." in said
    assert "were tested on other people or images in orl" in said
    shutil.rmtree(OTHER / "test")
    assert "Not known yet: B was not tested." in words(page(RUN, OTHER, "--tsne", "false"))


def test_faces_are_left_out_on_request(here, page_of_one):
    assert "data:image/png" in page_of_one.read_text(encoding="utf-8")
    html = page(RUN, "--tsne", "false", "--faces", "false")
    assert "data:image/png" not in html
    assert "Images of faces were left out (--faces false): faces are personal data." in words(html)


def test_what_is_missing_is_a_sentence(here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    (RUN / "test" / "orl_scores.csv").unlink()
    said = words(page(RUN, "--data.root", "nowhere"))
    assert 'pip install "facerec[plot]"' in said
    assert said.count("no scores") == 4  # ROC, DET, histograms and the table of the hardest pairs
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert_refused('pip install "facerec[report]"', capsys, "report", RUN)


def test_names_are_escaped(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    html = page(hostile, "--licence", "<script>licence()</script>", "--title", "<u>title</u>")
    assert html.count("<script") == 1
    assert "<img src=x" not in html
    assert "<u>" not in html
    said = words(html)
    for text in ("<script>licence()</script>", "<u>title</u>", *HOSTILE_FOLDERS):
        assert text in said
    assert HOSTILE not in said  # training people are in the t-SNE alone
    assert html.count("data:image/svg+xml") == 4, "ROC, DET, scores and t-SNE: a name with $ is drawn as it is"
    assert said.count("No picture here") == 2  # three steps log no curve, and two people have no CMC


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("3 runs: a page is about one or two", ["a", "b", "c"]),
        ("'perhaps': give true or false", ["a", "--faces", "perhaps"]),
        ("no run missing: give the folder of a run", ["missing"]),
    ],
)
def test_what_cannot_be_shown_is_named(message, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "report", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_compared_with_itself(here, capsys):
    assert_refused("is the same run twice", capsys, "report", RUN, RUN)


def test_the_help_fits_its_columns():
    assert max(map(len, make_parser().format_help().splitlines())) <= 120
