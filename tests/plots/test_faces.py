"""The figure of faces: boxes and points where they were given, and the crops beside them."""

import numpy as np
import torch
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from facerec.align import TEMPLATES
from facerec.plots.faces import MOST_FACES, AlignedFace, Photograph, faces_figure

TEMPLATE = TEMPLATES["112x112"].points_52


def moved(x: float, y: float) -> np.ndarray:
    return TEMPLATE + np.array([x, y])


def face(left: float, top: float, off: float = 0.0) -> AlignedFace:
    """A face of the template's size; its points end ``off`` pixels to the right of the template's."""
    box = np.array([left, top, left + 112, top + 112])
    aligned = torch.full((3, 112, 112), 100, dtype=torch.uint8)
    return AlignedFace(box, 0.9, moved(left, top), aligned, moved(off, 0.0))


def photograph(*faces: AlignedFace, taken: int | None = 0) -> Photograph:
    return Photograph("x.jpg", torch.zeros(3, 300, 400, dtype=torch.uint8), list(faces), taken)


def said(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def test_boxes_and_points_lie_where_they_were_found():
    figure = faces_figure([photograph(face(10, 20), face(200, 50, off=3.0), taken=1)], TEMPLATE, "by hand", "Faces")
    figure.canvas.draw()
    axes = figure.subfigs[0].subfigs[0].axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    corners = [patch.get_bbox().extents.tolist() for patch in boxes]
    assert corners == [[10, 20, 122, 132]] * 2 + [[200, 50, 312, 162]] * 2
    assert [patch.get_linestyle() for patch in boxes] == ["-", "--", "-", "-"]
    points = [some.get_offsets()[0] for some in axes.collections]
    np.testing.assert_allclose(points, np.concatenate([moved(10, 20), moved(200, 50)]))
    assert len({some.get_paths()[0].vertices.tobytes() for some in axes.collections}) == 5
    texts = said(figure)
    assert "x.jpg\n400x300 pixels, n = 2 faces" in texts
    assert [text for text in texts if text.startswith("after")] == ["after, off by 0.0 px", "after, off by 3.0 px"]
    assert any(text.startswith("Faces\nby hand\n") for text in texts)


def test_before_shows_the_part_around_the_box():
    figure = faces_figure([photograph(face(100, 100))], TEMPLATE, "by hand", "Faces")
    before, after = figure.subfigs[0].subfigs[1].axes
    np.testing.assert_allclose(before.get_xlim(), (156 - 0.7 * 112, 156 + 0.7 * 112))
    np.testing.assert_allclose(before.get_ylim(), (156 + 0.7 * 112, 156 - 0.7 * 112))
    assert after.get_images()[0].get_array().shape == (112, 112, 3)


def test_many_faces_none_and_points_without_an_alignment():
    crowd = photograph(*(face(20 * place, 10) for place in range(MOST_FACES + 2)))
    odd = AlignedFace(np.array([0.0, 0.0, 9.0, 9.0]), 0.7, np.zeros((5, 2)), None, np.full((5, 2), np.nan))
    figure = faces_figure([crowd, photograph(taken=None), photograph(odd)], TEMPLATE, "by hand", "Faces")
    figure.canvas.draw()
    texts = said(figure)
    assert "and 2 more faces" in texts
    assert sum(text.endswith(" before") for text in texts) == MOST_FACES + 1
    assert "x.jpg\n400x300 pixels, n = 0 faces" in texts
    assert "no alignment" in texts
