"""The composed figure: its panels, what they say, and what stands for a panel that cannot be drawn."""

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.text import Text

from facerec.backbones import LeNet, ResNet, SEResNet, TimmBackbone
from facerec.inference import Embedder
from facerec.losses import Triplet
from facerec.plots import Network
from facerec.plots.look import PANELS, Subject, look_figure
from facerec.recognizer import FaceRecognizer

GREY = torch.randint(256, (4, 1, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def subject(backbone, images=None, **settings) -> Subject:
    torch.manual_seed(0)
    recognizer = FaceRecognizer(backbone, Triplet(), torch.optim.SGD, image_size=(64, 64))
    pixels = GREY.expand(-1, 3, -1, -1) if images is None else images
    names = ("s1/1.pgm", "s1/2.pgm")
    return Subject(Network("mine/version_0", Embedder(recognizer)), pixels[:2], names, True, pixels[2:], 16, **settings)


def said(figure) -> list[str]:
    """All texts of a figure and its parts."""
    return [text.get_text() for text in figure.findobj(Text)]


def test_every_panel_says_what_it_shows():
    figure = look_figure(subject(ResNet(18, embedding_dim=8, width=4)), "What it sees")
    figure.canvas.draw()
    texts = "\n".join(said(figure))
    for told in (
        "What it sees\nmine/version_0",
        "First filters: n = 4, 3x3 pixels\nSummed over the colours, as the images are grey.",
        "Feature maps of s1/1.pgm",
        "stage4\n4x4, 32 channels",
        "in an image of 64x64 pixels (px)",
        "n = 4 images",
        "stage1\nsees 17 px, uses ",
        "Score of a pair: cosine ",
        "genuine pair",
        "a square of 16x16 px",
        "A: s1/1.pgm",
        "fall of the cosine",
        "Grad-CAM of B",
    ):
        assert told in texts
    assert "Gates" not in texts


def test_one_panel_is_a_figure_of_its_own():
    seen = subject(ResNet(18, embedding_dim=8, width=4))
    heights = [look_figure(seen, "x", [name]).get_figheight() for name in PANELS]
    assert look_figure(seen, "x").get_figheight() == pytest.approx(sum(heights) - 3 * 0.45)
    assert "Feature maps" not in "\n".join(said(look_figure(seen, "x", ["score"])))


def test_the_dashed_square_is_the_field():
    figure = look_figure(subject(ResNet(18, embedding_dim=8, width=4)), "x", ["field"])
    stage1 = next(axes for axes in figure.findobj(Axes) if "stage1" in axes.get_title())
    [field] = [patch for patch in stage1.patches if patch.get_linestyle() == "--"]
    # Unit 16 of 32, at a jump of 2: 8 pixels to both sides of pixel 32.
    assert field.get_bbox().extents.tolist() == [23.5, 23.5, 40.5, 40.5]


def test_gates_and_colours_are_told():
    colours = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8)
    texts = "\n".join(
        said(look_figure(subject(SEResNet(18, embedding_dim=8, width=16), colours), "x", ["filters", "field"]))
    )
    assert "In the colours of the image." in texts
    assert "sees 17 px*, uses " in texts
    assert "*Gates see the whole image" in " ".join(texts.split())


def test_a_transformer_gets_what_can_be_drawn_and_a_reason():
    figure = look_figure(subject(TimmBackbone("test_vit", embedding_dim=8)), "x")
    figure.canvas.draw()
    texts = " ".join("\n".join(said(figure)).split())
    assert texts.count("Not drawn: test_vit has no stage that puts out maps") == 2
    assert "Grad-CAM is not drawn: test_vit has no stage" in texts
    assert "First filters: n = 64, 16x16 pixels" in texts or "First filters: the 64 strongest of" in texts
    assert "occlusion of B" in texts
    assert "Grad-CAM of" not in texts


def test_a_score_that_nothing_raises_is_told():
    images = GREY[:1].expand(4, 3, -1, -1)  # a cosine of 1 has no gradient
    figure = look_figure(subject(LeNet(8), images), "x", ["score"])
    figure.canvas.draw()
    assert "cosine 1.000" in "\n".join(said(figure))
