"""``facerec embed``: embeddings of images, for whatever comes next."""

import argparse

import numpy as np

from facerec.cli.messages import messages
from facerec.cli.model_options import (
    ERROR,
    EXIT_STATUS,
    YES,
    add_model_options,
    alignment_in_use,
    command_parser,
    encode_with,
    model_of,
)
from facerec.files import check_writable, written_whole
from facerec.inference.images import find_images

EXAMPLES = """\
  facerec embed photos/ --ckpt_path best.ckpt --output embeddings.npz
  facerec embed list.txt --ckpt_path best.ckpt --output embeddings.npz --precision bfloat16

  >>> stored = numpy.load("embeddings.npz")
  >>> stored["names"], stored["embeddings"]          (N,) paths and (N, D) float32, not normalised"""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Write embeddings.

    Args:
        args: see ``facerec embed --help``.

    Returns:
        0, or 2 if an image was left out.
    """
    options = _parser().parse_args(args)
    check_writable(options.output)
    source = find_images(options.image)
    model = model_of(options)
    encoded = encode_with(options, model, source)
    names = [name for name, usable in zip(source.names, encoded.usable, strict=True) if usable]
    embeddings_ND = encoded.embeddings[encoded.usable].numpy()
    with written_whole(options.output) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            names=np.array(names),
            embeddings=embeddings_ND,
            fingerprint=np.array(model.fingerprint),
            alignment=np.array(alignment_in_use(options, model, source)),
        )
    print(f"{options.output}: {len(names)} embeddings of {embeddings_ND.shape[1]} numbers")
    return ERROR if encoded.left_out else YES


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("embed", f"Write embeddings of images; {EXIT_STATUS}.", EXAMPLES)
    parser.add_argument("image", nargs="+", help="images, folders, lists of paths, or - for standard input")
    parser.add_argument("--output", required=True, metavar="FILE.npz", help="names and embeddings")
    add_model_options(parser)
    return parser
