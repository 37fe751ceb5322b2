"""What tells lines and points apart without colour, and the names in figures."""

from matplotlib.markers import MarkerStyle

from facerec.plots.names import file_stem, short_names
from facerec.plots.styles import MOST_LINES, MOST_PEOPLE, line_style, point_style


def test_no_two_lines_are_alike_without_colour():
    styles = {(style["linestyle"], style["marker"]) for style in map(line_style, range(MOST_LINES))}
    assert len(styles) == MOST_LINES


def test_no_two_people_are_alike_without_colour():
    styles = [point_style(place) for place in range(MOST_PEOPLE)]
    assert len({(style["marker"], style["facecolors"] == "none") for style in styles}) == MOST_PEOPLE
    assert all(MarkerStyle(style["marker"]).is_filled() for style in styles)


def test_names_tell_runs_apart_and_make_files():
    assert short_names(["a/version_0"]) == ["a/version_0"]
    assert short_names(["x/a/v", "y/a/v", "y/b/v"]) == ["x/a/v", "y/a/v", "y/b/v"]
    assert short_names(["a", "b"]) == ["a", "b"]
    assert file_stem("roc", ["../my runs/v:0"]) == "roc_.._my_runs_v_0"
