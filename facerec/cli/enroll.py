"""``facerec enroll``: make people known, by a folder of images for each or a list."""

import argparse
from pathlib import Path

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
from facerec.data.formats.folders import FolderImages
from facerec.files import check_writable, held
from facerec.inference.gallery import Gallery
from facerec.inference.images import NamedFiles

EXAMPLES = """\
  facerec enroll people/ --ckpt_path best.ckpt --output gallery.npz            (people/<name>/<image>)
  facerec enroll more_people/ --ckpt_path best.ckpt --output gallery.npz --add
  facerec enroll list.txt --ckpt_path best.ckpt --output gallery.npz           (lines `image name`)
  facerec identify visitor.jpg --ckpt_path best.ckpt --gallery gallery.npz

No training: a person is the mean of the normalised embeddings of their images. Someone who is in the gallery already
gets the new images added to the mean."""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Write a gallery.

    Args:
        args: see ``facerec enroll --help``.

    Returns:
        0, or 2 if an image or a person was left out, or another command is writing the gallery.
    """
    options = _parser().parse_args(args)
    output = Path(options.output)
    check_writable(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with held(output.with_name(f".{output.name}.lock")):  # from reading to writing: who came between would be lost
        return _enroll(options, output)


def _enroll(options: argparse.Namespace, output: Path) -> int:
    if output.exists() and not options.add:
        raise ValueError(f"{output} exists: give --add to add people to it, or another --output")
    known = Gallery.load(output) if options.add else None
    source = FolderImages(options.people) if Path(options.people).is_dir() else NamedFiles(options.people)
    labels_N, identities = source.labels, list(source.identities)
    model = model_of(options)
    alignment = alignment_in_use(options, model, source)
    if known:
        known.check_model(model.fingerprint, alignment)
    encoded = encode_with(options, model, source)
    usable_N = encoded.usable
    enrolled = Gallery.enroll(
        encoded.embeddings[usable_N], labels_N[usable_N], identities, model.fingerprint, alignment
    )
    gallery = known.merged(enrolled) if known else enrolled
    gallery.save(output)
    for name in sorted(set(identities) - set(enrolled.names)):
        print(f"not enrolled, none of the images can be used: {name}")
    print(f"{len(enrolled)} people from {int(usable_N.sum())} images; {output} holds {len(gallery)}")
    return ERROR if encoded.left_out else YES


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("enroll", f"Make people known to `facerec identify`; {EXIT_STATUS}.", EXAMPLES)
    parser.add_argument(
        "people",
        metavar="PEOPLE",
        help="one folder of images for each person, named as the person; or a list `image name`, by tabs where names "
        "have spaces; or - for such lines",
    )
    parser.add_argument("--output", required=True, metavar="FILE.npz", help="the gallery")
    parser.add_argument("--add", action="store_true", help="to the gallery that is there")
    add_model_options(parser)
    return parser
