"""``facerec embed``: embeddings of images, for whatever comes next."""

import numpy as np

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import (
    LEFT_OUT,
    add_images_argument,
    add_model_options,
    alignment_name,
    encode_with,
    model_of,
    report_unread,
    usable_names,
)
from facerec.cli.status import Status
from facerec.files import check_writable, written_whole
from facerec.inference.images import find_images

EXAMPLES = """\
facerec embed photos/ --ckpt_path runs/NAME --output embeddings.npz
facerec embed list.txt --ckpt_path runs/NAME --output embeddings.npz --precision bfloat16

>>> stored = numpy.load("embeddings.npz")
>>> stored["names"], stored["embeddings"]          (N,) paths and (N, D) float32, not normalised"""
MEANINGS = {Status.INCOMPLETE: "some images left out"}


def main(args: list[str]) -> Status:
    """Write embeddings.

    Args:
        args: see ``facerec embed --help``.

    Returns:
        DONE, or INCOMPLETE if an image was left out.
    """
    options = make_parser().parse_args(args)
    check_writable(options.output)
    source = find_images(options.image)
    model = model_of(options)
    unread = report_unread(source)
    encoded = encode_with(options, model, source)
    names = usable_names(source, encoded)
    embeddings_ND = encoded.embeddings[encoded.usable].numpy()
    with written_whole(options.output) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            names=np.array(names),
            embeddings=embeddings_ND,
            fingerprint=np.array(model.fingerprint),
            alignment=np.array(alignment_name(options, model, source)),
        )
    print(f"{options.output}: {len(names)} embeddings of {embeddings_ND.shape[1]} numbers")
    return Status.INCOMPLETE if encoded.left_out or unread else Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec embed``."""
    parser = command_parser("embed", "Write the embeddings of images.", EXAMPLES, LEFT_OUT, MEANINGS)
    add_images_argument(parser)
    parser.add_argument("--output", required=True, metavar="FILE.npz", help="file for the names and embeddings")
    add_model_options(parser)
    return parser
