"""`facerec plot look` from a real run: its panels, its images, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facerec.cli import plot_look
from facerec.cli.plot import make_parser
from facerec.data import FolderImages
from facerec.data.images import read_image
from facerec.inference import Embedder
from tests.cli.conftest import assert_refused, best_file, run
from tests.cli.test_plot import assert_figure
from tests.conftest import save_face


def looked_at(monkeypatch, *arguments):
    """What the figure is made of."""
    seen = []
    monkeypatch.setattr(plot_look, "look_figure", lambda subject, title, panels: seen.append((subject, panels)))
    options = make_parser().parse_intermixed_args(["look", *map(str, arguments)])
    options.device, options.batch_size = "cpu", 32
    _, names = plot_look.look(options)
    [(subject, panels)] = seen
    return subject, panels, names


def test_a_run_gives_one_figure_and_a_panel_one_of_its_own(run_copy, capsys):
    assert run("plot", "look", run_copy, "--patch", 16, "--format", "png") == 0
    assert run("plot", "look", run_copy, "--panel", "filters,maps", "--format", "svg") == 0
    assert sorted(path.name for path in Path("plots").iterdir()) == [
        "look_filters-maps_orl_resnet18_arcface_version_0.svg",
        "look_orl_resnet18_arcface_version_0.png",
    ]
    for path in Path("plots").iterdir():
        assert_figure(path)


def test_the_same_command_gives_the_same_bytes(run_copy):
    written = []
    for _ in range(2):
        assert (
            run("plot", "look", run_copy, "--panel", "score", "--patch", 16, "--images", "val", "-o", "figure.svg") == 0
        )
        written.append(Path("figure.svg").read_bytes())
    assert written[0] == written[1]


def test_the_pair_is_of_one_person_and_drawn_by_the_seed(orl_run, monkeypatch):
    subject, panels, names = looked_at(monkeypatch, orl_run)
    assert panels == ["filters", "maps", "field", "score"]
    assert names == ["orl_resnet18_arcface/version_0"]
    assert subject.is_genuine
    assert subject.names[0].split("/")[-2] == subject.names[1].split("/")[-2]
    assert subject.names[0] != subject.names[1]
    assert len(subject.more) == plot_look.MORE_IMAGES
    again, *_ = looked_at(monkeypatch, orl_run, "--seed", 0)
    assert torch.equal(again.pair, subject.pair)
    assert looked_at(monkeypatch, orl_run, "--seed", 3)[0].names != subject.names


def test_two_files_are_a_pair_whose_score_is_that_of_verify(orl_run, tmp_path, monkeypatch, capsys):
    for image in (1, 2):
        save_face(3, image, tmp_path / f"{image}.png")
    paths = [tmp_path / "1.png", tmp_path / "2.png"]
    subject, *_ = looked_at(monkeypatch, orl_run, "--pair", *paths, "--patch", 5)
    assert subject.is_genuine is None
    assert (subject.square, len(subject.more)) == (5, 0)
    embedder = Embedder.from_checkpoint(best_file(orl_run))
    one, other = embedder([read_image(path) for path in paths])
    with torch.no_grad():
        score = F.cosine_similarity(*subject.embed(subject.pair), dim=0)
    np.testing.assert_allclose(score, F.cosine_similarity(one, other, dim=0), atol=1e-5)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("--panel='colours': choose one of filters, maps, field, score", ["--panel", "colours"]),
        ("--align is for the two files of --pair", ["--align"]),
        ("--seed chooses images of the data, and --pair gives two files", ["--pair", "a.png", "b.png", "--seed", "1"]),
        ("--patch=33: must be in [1, 32]", ["--patch", "33"]),
        ("no image at a.png", ["--pair", "a.png", "b.png"]),
        ("--people is of no use for look", ["--people", "3"]),
    ],
)
def test_what_cannot_be_drawn_is_named(message, arguments, orl_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "plot", "look", orl_run, *arguments)
    assert not list(tmp_path.iterdir())


def test_several_networks_and_people_of_one_image_are_refused(orl_run, vggface_root, monkeypatch, capsys):
    two = [best_file(orl_run), orl_run / "checkpoints" / "last.ckpt"]
    assert_refused("look draws one network, and 2 are named", capsys, "plot", "look", *two)
    monkeypatch.setattr(plot_look, "images_of", lambda data, kind: FolderImages(str(vggface_root / kind)))
    assert_refused("--images dev: nobody is known on two images", capsys, "plot", "look", orl_run)
