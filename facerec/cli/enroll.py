"""``facerec enroll``: add people to a gallery, by a folder of images for each or a list."""

import argparse
import warnings
from pathlib import Path

import numpy as np

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import LEFT_OUT, add_model_options, alignment_name, encode_with, model_of, report_unread
from facerec.cli.status import Status
from facerec.data.formats.folders import FolderImages
from facerec.files import check_writable, held
from facerec.inference.gallery import Gallery
from facerec.inference.gallery_doubts import gallery_doubts
from facerec.inference.images import NamedFiles
from facerec.inference.model import cosine_threshold

EXAMPLES = """\
facerec enroll people/ --ckpt_path runs/NAME --output gallery.npz            (people/<name>/<image>)
facerec enroll more_people/ --ckpt_path runs/NAME --output gallery.npz --add
facerec enroll list.txt --ckpt_path runs/NAME --output gallery.npz           (lines `image name`)
facerec identify visitor.jpg --ckpt_path runs/NAME --gallery gallery.npz"""
NOTES = f"""\
Nothing is trained: a person is the mean of the normalised embeddings of his or her images. With --add, new images of an
enrolled person join that mean. The embeddings of the images are kept too, for `facerec identify --match image`;
--means_only leaves them out. An image that is there twice is named, and so are people whom the model's threshold does
not keep apart.
{LEFT_OUT}"""
MEANINGS = {Status.INCOMPLETE: "some images or people left out"}


def main(args: list[str]) -> Status:
    """Write a gallery.

    Args:
        args: see ``facerec enroll --help``.

    Returns:
        DONE, or INCOMPLETE if an image or a person was left out.
    """
    options = make_parser().parse_args(args)
    output = Path(options.output)
    check_writable(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with held(output.with_name(f".{output.name}.lock")):  # while reading and writing: no other command may write now
        return _enroll(options, output)


def _enroll(options: argparse.Namespace, output: Path) -> Status:
    if output.exists() and not options.add:
        raise ValueError(f"{output} exists: give --add to add people to it, or another --output")
    known = Gallery.load(output) if options.add else None
    source = FolderImages(options.people) if Path(options.people).is_dir() else NamedFiles(options.people)
    labels_N, identities = source.labels, list(source.identities)
    model = model_of(options)
    alignment = alignment_name(options, model, source)
    if known:
        known.check_model(model.fingerprint, alignment)
    unread = report_unread(source)
    encoded = encode_with(options, model, source)
    usable_N = encoded.usable
    image_names = None if options.means_only else [source.name(index) for index in np.flatnonzero(usable_N).tolist()]
    enrolled = Gallery.enroll(
        encoded.embeddings[usable_N], labels_N[usable_N], identities, model.fingerprint, alignment, image_names
    )
    gallery = known.merged(enrolled) if known else enrolled
    if enrolled.images is not None and gallery.images is None:
        warnings.warn(f"{output} keeps means alone, so the new images are not kept either", stacklevel=2)
    gallery.save(output)
    for message in gallery_doubts(gallery, cosine_threshold(model)):
        warnings.warn(message, stacklevel=2)
    for name in sorted(set(identities) - set(enrolled.names)):
        print(f"not enrolled, no usable image: {name}")
    print(f"{len(enrolled)} people from {int(usable_N.sum())} images; {output} holds {len(gallery)}")
    return Status.INCOMPLETE if encoded.left_out or unread else Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec enroll``."""
    description = "Add people to a gallery, in which `facerec identify` finds them."
    parser = command_parser("enroll", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument(
        "people",
        metavar="PEOPLE",
        help="folder with one folder of images for each person, named as the person; or list with lines `image name`, "
        "separated by tabs if names contain spaces; or - for such lines on standard input",
    )
    parser.add_argument("--output", required=True, metavar="FILE.npz", help="gallery to write")
    parser.add_argument("--add", action="store_true", help="add people to an existing gallery")
    parser.add_argument("--means_only", action="store_true", help="keep the means alone, and no embedding of an image")
    add_model_options(parser)
    return parser
