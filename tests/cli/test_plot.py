"""`facerec plot`: every kind from real runs, the files it writes, and what it says of what is missing."""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from facerec.cli.plot import KINDS, make_parser
from facerec.cli.plot_sources import networks_of, same_people, training_people, warn_of_strangers
from tests.cli.conftest import assert_refused, best_file, run
from tests.conftest import SMALL

NETWORK_KINDS = ("tsne", "pca", "similarity", "angles", "confusion")


def options(*arguments: object):
    found = make_parser().parse_intermixed_args(list(map(str, arguments)))
    found.device, found.batch_size = "cpu", 32
    return found


def assert_figure(path: Path) -> None:
    """See that a file is a whole picture."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 400
    else:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize("kind", ["curves", *NETWORK_KINDS])
def test_a_kind_draws_a_run_in_both_formats(kind, run_copy, capsys):
    if kind == "tsne":
        pytest.importorskip("sklearn")
    assert run("plot", kind, run_copy) == 0
    paths = [Path("plots", f"{kind}_orl_resnet18_arcface_version_0.{suffix}") for suffix in ("png", "svg")]
    assert capsys.readouterr().out.splitlines() == list(map(str, paths))
    assert sorted(Path("plots").iterdir()) == sorted(paths)
    for path in paths:
        assert_figure(path)


def test_the_same_command_gives_the_same_bytes(run_copy):
    written = []
    for _ in range(2):
        assert run("plot", "pca", "--people", 3, run_copy, "-o", "figure.svg") == 0
        written.append(Path("figure.svg").read_bytes())
    assert written[0] == written[1]


def test_kinds_of_tests_draw_what_test_kept(run_copy, capsys):
    assert_refused("has no test: `facerec test --ckpt_path", capsys, "plot", "roc", run_copy)
    assert run("test", "--ckpt_path", best_file(run_copy), "--trainer.enable_progress_bar", "false") == 0
    for kind in ("roc", "det", "scores", "calibration", "cmc", "quality"):
        capsys.readouterr()
        assert run("plot", kind, best_file(run_copy), "--format", "png", "--output", "figures") == 0
        path = Path("figures", f"{kind}_orl_resnet18_arcface_version_0.png")
        assert capsys.readouterr().out == f"{path}\n"
        assert_figure(path)


def test_the_same_people_are_drawn_for_every_network(orl_run):
    first, second = same_people(options("pca", best_file(orl_run), orl_run / "checkpoints" / "last.ckpt"), 4)
    assert first.people == second.people
    assert len(first.names) == 4
    assert first.network != second.network
    [dev] = same_people(options("pca", orl_run, "--seed", 1), 4)
    assert dev.names != first.names
    [validation] = same_people(options("pca", orl_run, "--images", "val"), 4)
    [(network, _)] = networks_of(options("pca", orl_run))
    assert not set(validation.names) & set(network.identities)


def test_networks_that_were_trained_on_other_people_are_told(orl_run):
    [(first, _)] = networks_of(options("pca", orl_run))
    [(second, _)] = networks_of(options("pca", orl_run))
    card = second.embedder.recognizer.card
    second.embedder.recognizer.card = replace(card, identities=card.identities[1:])
    second = replace(second, name="other")
    with pytest.warns(UserWarning, match=r"different numbers: orl_resnet18_arcface/version_0 on 3, other on 2\."):
        warn_of_strangers([first, second], first.identities[:3])


def test_angles_are_of_training_and_dev_images_of_the_same_people(orl_run):
    [(network, sets)] = training_people(options("angles", orl_run), 5, lambda network: None)
    assert [some.images for some in sets] == ["training images", "dev images"]
    assert sets[0].names == sets[1].names
    assert set(sets[0].names) < set(network.identities)
    assert (len(sets[0].people), len(sets[1].people)) == (40, 10)


def test_plane_draws_embeddings_of_two_numbers_and_names_broken_images(
    orl_run, vggface_root, tmp_path, monkeypatch, capsys
):
    assert_refused("has embeddings of 16 numbers, and plane draws those of 2", capsys, "plot", "plane", orl_run)
    monkeypatch.chdir(tmp_path)
    settings = [*SMALL, "--trainer.max_epochs=1", "--data.batch_size=8", "--checkpoint.candidates_after=0"]
    settings += ["--model.backbone.init_args.embedding_dim=2", "--data.root", vggface_root]
    assert run("fit", *settings) == 0
    broken = vggface_root / "train" / "n000002" / "3.jpg"
    broken.write_bytes(b"no image")
    capsys.readouterr()
    assert run("plot", "plane", "runs/orl_resnet18_arcface", "-o", "plane.png") == 1
    said = capsys.readouterr()
    assert str(broken) in said.err
    assert "1 of 16 images could not be used" in said.err
    assert said.out == "plane.png\n"
    assert_figure(Path("plane.png"))


def test_margins_need_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("plot", "margins", "--title", "Boundaries") == 0
    assert_figure(Path("plots", "margins.svg"))
    assert_refused("margins needs no run: leave out runs", capsys, "plot", "margins", "runs")


def test_an_older_figure_stays_until_the_new_one_is_complete(tmp_path, monkeypatch, capsys):
    def fail(path, unfinished):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    (tmp_path / "margins.png").write_text("older")
    assert_refused("No space left", capsys, "plot", "margins", "-o", tmp_path / "margins.png")
    assert (tmp_path / "margins.png").read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_help_has_a_line_for_each_kind():
    said = make_parser().format_help()
    for name, kind in KINDS.items():
        assert re.search(rf"^  {name} +{re.escape(kind.purpose)}$", said, flags=re.M)
    assert max(map(len, said.splitlines())) <= 120


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("pca needs RUN: facerec plot pca runs/NAME", ["pca"]),
        ("invalid choice: 'pie'", ["pie"]),
        ("--people is of no use for roc: leave it out", ["roc", "x", "--people", "3"]),
        ("--data.root is of no use for curves", ["curves", "x", "--data.root", "faces"]),
        ("--seed is of no use for roc", ["roc", "x", "--seed", "0"]),
        ("--seed is of no use for confusion", ["confusion", "x", "--seed", "0"]),
        ("no format 'gif', give png or svg", ["margins", "--format", "gif"]),
        ("--output x.pdf: facerec writes png and svg", ["margins", "-o", "x.pdf"]),
        ("names the format: leave out --format", ["margins", "--format", "png", "-o", "x.svg"]),
        ("no checkpoint missing", ["pca", "missing"]),
        ("no folder missing", ["curves", "missing"]),
        ("missing.ckpt is in no run", ["roc", "missing.ckpt"]),
    ],
)
def test_what_cannot_be_drawn_is_named(message, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "plot", *arguments)
    assert not list(tmp_path.iterdir())


def test_settings_out_of_range_are_named(orl_run, capsys):
    assert_refused("--people=40: must be in [1, 26]", capsys, "plot", "pca", orl_run, "--people", 40)
    assert_refused("--batch_size=0: must be at least 1", capsys, "plot", "pca", orl_run, "--batch_size", 0)


def test_a_missing_package_is_said_before_images_are_read(orl_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    assert_refused('pip install "facerec[plot]"', capsys, "plot", "tsne", orl_run)
