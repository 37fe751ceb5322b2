"""``facerec identify``: who of a gallery is it, if anyone?"""

import math

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import (
    LEFT_OUT,
    add_images_argument,
    add_model_options,
    add_threshold_option,
    alignment_name,
    encode_with,
    model_of,
    report_unread,
    usable_names,
)
from facerec.cli.status import Status
from facerec.inference.gallery import Gallery, Match
from facerec.inference.images import find_images
from facerec.inference.model import decision_threshold

NOBODY = "no correspondence"
EXAMPLES = """\
facerec identify visitor.jpg --ckpt_path runs/NAME --gallery gallery.npz
facerec identify door_camera/ --ckpt_path runs/NAME --gallery gallery.npz --align
find . -name '*.jpg' | facerec identify - --ckpt_path runs/NAME --gallery gallery.npz"""
NOTES = f"""\
The calibrated threshold is right for one comparison. Among many people, somebody resembles a stranger more often:
raise --threshold as the gallery grows.
{LEFT_OUT}"""
MEANINGS = {
    Status.YES: "everyone is in the gallery",
    Status.NO: f"at least one {NOBODY!r}",
    Status.ERROR: "error, or an image that cannot be used",
}


def main(args: list[str]) -> Status:
    """Name the person in each image.

    Args:
        args: see ``facerec identify --help``.

    Returns:
        YES if everyone is in the gallery, NO if at least one person is not, ERROR if an image cannot be used.
    """
    options = make_parser().parse_args(args)
    gallery = Gallery.load(options.gallery)
    source = find_images(options.image)
    model = model_of(options)
    gallery.check_model(model.fingerprint, alignment_name(options, model, source))
    threshold = decision_threshold(model, options.threshold)
    report_unread(source)
    encoded = encode_with(options, model, source)
    matches = gallery.search(encoded.embeddings[encoded.usable])
    names = usable_names(source, encoded)
    print("image\tperson\tscore\trunner-up\tscore")
    for name, match in zip(names, matches, strict=True):
        print(f"{name}\t{_row(match, threshold)}")
    print(f"# threshold {threshold:.4f}, {len(gallery)} people")
    if encoded.left_out:
        return Status.ERROR
    return Status.YES if all(match.score >= threshold for match in matches) else Status.NO


def _row(match: Match, threshold: float) -> str:
    name = match.name if match.score >= threshold else NOBODY
    # Where nobody corresponds, the one most like the face is the runner-up.
    second, score = (match.runner_up, match.runner_up_score) if name != NOBODY else (match.name, match.score)
    rest = f"{second}\t{score:.4f}" if second is not None and not math.isnan(score) else "\t"
    return f"{name}\t{match.score:.4f}\t{rest}"


def make_parser() -> CommandParser:
    """The options of ``facerec identify``."""
    description = "Name the person in each image, from a gallery, or say that nobody in it corresponds."
    parser = command_parser("identify", description, EXAMPLES, NOTES, MEANINGS)
    add_images_argument(parser)
    parser.add_argument("--gallery", required=True, metavar="FILE.npz", help="gallery of `facerec enroll`")
    add_threshold_option(parser)
    add_model_options(parser)
    return parser
