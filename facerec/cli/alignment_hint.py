"""A line for images that look unaligned, of a model that was trained on aligned faces."""

from facerec.align.landmarks import TEMPLATES
from facerec.align.record import Alignment, difference
from facerec.data.sources import Images
from facerec.inference.alignment import DETECTORS_WITHOUT_A_FACE

LOOKED_AT = 8  # images, spread evenly: enough to tell photographs from faces
MUCH_LARGER = 2.0  # times the template's height or width
OTHER_SHAPE = 1.1  # times the template's ratio of width to height


def alignment_hint(trained_on: Alignment | None, source: Images) -> str | None:
    """What to say about images as they are, without ``--align``; None if nothing is wrong or known.

    A record of `facerec align` decides where there is one. Without one the sizes of some images do: a face in the size
    of the template, or of about its size and shape, counts as aligned.

    Args:
        trained_on: alignment of the training images; None if unknown.
        source: the images.
    """
    if trained_on is None:
        return None
    how = source.alignment
    if how is None and (looks := _unaligned(trained_on, source)) is None:
        return None
    if trained_on.detector in DETECTORS_WITHOUT_A_FACE:
        return difference(trained_on, how, "these images")
    if how is not None:
        message = difference(trained_on, how, "these images")
        return f"{message}; or, for photographs, --align" if message else None
    return (
        f"{looks}, and the model was trained on faces aligned to {trained_on.template}: for photographs give --align, "
        "which finds the face and aligns it"
    )


def _unaligned(trained_on: Alignment, source: Images) -> str | None:
    """The name and size of the first image that no alignment to the template gave; None if all may be aligned."""
    template = TEMPLATES.get(trained_on.template)
    if template is None:
        return None
    for index in range(0, len(source), -(-len(source) // LOOKED_AT) or 1):
        try:
            height, width = source.read(index).shape[1:]
        except (ValueError, OSError):
            continue  # it is named, counted and left out later
        shape = (width / height) / (template.width / template.height)
        larger = max(height / template.height, width / template.width)
        if larger >= MUCH_LARGER or not 1 / OTHER_SHAPE <= shape <= OTHER_SHAPE:
            return f"{source.name(index)} is {width}x{height}"
    return None
