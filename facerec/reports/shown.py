"""A figure that Jupyter shows. Figures here belong to no window, so matplotlib does not show them itself."""

from io import BytesIO

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that a notebook shows where it is the value of a cell, or given to ``display``."""

    def _repr_png_(self) -> bytes:
        """What IPython asks of any object for a picture of it."""
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
