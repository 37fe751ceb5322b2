"""What tells lines and points apart in print: dashes and markers first, colour second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facerec.reports.curves import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ("-", "--", "-.", ":")
SHAPES = "os^DvP*X<>hdp"
COLOURS = 10  # of matplotlib's cycle
MOST_LINES = len(DASHES) * len(SHAPES)
MOST_PEOPLE = 2 * len(SHAPES)
DPI = 160  # of a PNG for a report


def line_style(place: int) -> dict[str, Any]:
    """Dashes, marker and colour of a line, no two alike among the first 52.

    Args:
        place: of the line among all, from 0.

    Example:
        >>> line_style(1)["linestyle"], line_style(1)["marker"]
        ('--', 's')
    """
    return {
        "linestyle": DASHES[place % len(DASHES)],
        "marker": SHAPES[place % len(SHAPES)],
        "markevery": (0.03 * (place % 5), 0.15),  # shares of the diagonal: markers of near lines stand apart
        "markersize": 4,
        "color": f"C{place % COLOURS}",
    }


def point_style(place: int) -> dict[str, Any]:
    """Marker and colour of a person's points, no two alike among the first 26: 13 filled, then 13 hollow.

    Example:
        >>> point_style(14)["marker"], point_style(14)["facecolors"]
        ('s', 'none')
    """
    colour = f"C{place % COLOURS}"
    is_filled = place < len(SHAPES)
    return {
        "marker": SHAPES[place % len(SHAPES)],
        "facecolors": colour if is_filled else "none",
        "edgecolors": "black" if is_filled else colour,
        "linewidths": 0.4 if is_filled else 1.0,
        "s": 26,
    }


def panels(
    title: str, rows: int, columns: int, width: float = 4.2, height: float = 3.6, projection: str | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure with a grid of axes, row by row.

    Args:
        title: of the figure.
        rows: number of rows.
        columns: number of columns.
        width: of an axes in inches.
        height: of an axes in inches.
        projection: ``3d`` for axes in space.

    Example:
        >>> figure, axes = panels("two", rows=1, columns=2)
        >>> len(axes)
        2
    """
    figure = new_figure(max(4.8, width * columns), 0.4 + height * rows, title)
    return figure, list(figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": projection}).ravel())
