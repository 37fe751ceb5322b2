"""``facerec identify``: who of a gallery is it, if anyone?"""

import argparse
import math

from facerec.cli.messages import messages
from facerec.cli.model_options import (
    ERROR,
    EXIT_STATUS,
    NO,
    YES,
    add_model_options,
    alignment_in_use,
    command_parser,
    encode_with,
    model_of,
)
from facerec.inference.gallery import Gallery, Match
from facerec.inference.images import find_images
from facerec.inference.model import decision_threshold

NOBODY = "no correspondence"
EXAMPLES = """\
  facerec identify visitor.jpg --ckpt_path best.ckpt --gallery gallery.npz
  facerec identify door_camera/ --ckpt_path best.ckpt --gallery gallery.npz --align
  find . -name '*.jpg' | facerec identify - --ckpt_path best.ckpt --gallery gallery.npz

The calibrated threshold is that of one comparison; among many people a stranger is like one of them more often, so
raise it with --threshold as the gallery grows.
exit status: 0 everyone was found, 1 at least one `no correspondence`, 2 an error, or an image left out"""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Name the person in each image.

    Args:
        args: see ``facerec identify --help``.

    Returns:
        0 if everyone was found, 1 if at least one is nobody known, 2 if an image cannot be used.
    """
    options = _parser().parse_args(args)
    gallery = Gallery.load(options.gallery)
    source = find_images(options.image)
    model = model_of(options)
    gallery.check_model(model.fingerprint, alignment_in_use(options, model, source))
    threshold = decision_threshold(model, options.threshold)
    encoded = encode_with(options, model, source)
    matches = iter(gallery.search(encoded.embeddings[encoded.usable]))
    print("image\tperson\tscore\trunner-up\tscore")
    strangers = 0
    for index, usable in enumerate(encoded.usable):
        if not usable:
            continue
        match = next(matches)
        strangers += match.score < threshold
        print(f"{source.name(index)}\t{_row(match, threshold)}")
    print(f"# threshold {threshold:.4f}, {len(gallery)} people")
    if encoded.left_out:
        return ERROR
    return NO if strangers else YES


def _row(match: Match, threshold: float) -> str:
    name = match.name if match.score >= threshold else NOBODY
    # Where nobody corresponds, the one most like the face is the runner-up.
    second, score = (match.runner_up, match.runner_up_score) if name != NOBODY else (match.name, match.score)
    rest = f"{second}\t{score:.4f}" if second is not None and not math.isnan(score) else "\t"
    return f"{name}\t{match.score:.4f}\t{rest}"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("identify", f"Who of a gallery is it, if anyone? {EXIT_STATUS}.", EXAMPLES)
    parser.add_argument("image", nargs="+", help="images, folders, lists of paths, or - for standard input")
    parser.add_argument("--gallery", required=True, metavar="FILE.npz", help="of `facerec enroll`")
    parser.add_argument("--threshold", type=float, help="cosine that decides; by default the model's calibrated one")
    add_model_options(parser)
    return parser
