"""Who is drawn, and what a network makes of their images."""

import torch
import torch.nn.functional as F

from facerec.data.images import read_image
from facerec.inference import Embedder
from facerec.plots import Network, draw_people, embed_people
from facerec.plots.people import names_of
from tests.cli.conftest import best_file

EVERYBODY = [f"p{person:02d}" for person in range(30)]


def test_the_choice_is_the_seeds_alone():
    chosen = draw_people(EVERYBODY, 10, seed=1)
    assert chosen == draw_people([*reversed(EVERYBODY), *EVERYBODY], 10, seed=1)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 10
    assert chosen != draw_people(EVERYBODY, 10, seed=2)
    assert draw_people(EVERYBODY, 99) == EVERYBODY


def test_every_image_of_the_people_is_embedded_and_broken_ones_are_told(orl_run, folder):
    network = Network("net", Embedder.from_checkpoint(best_file(orl_run)))
    names = names_of(folder)
    wanted = sorted(set(names))[1:3]
    broken = next(place for place, name in enumerate(names) if name == wanted[0])
    with open(folder.name(broken), "w") as file:
        file.write("no image")
    found = embed_people(network, folder, wanted, "training images")
    assert [image.name for image in found.left_out] == [folder.name(broken)]
    assert found.names == wanted
    assert found.counts == "n = 7 images of 2 people"
    last = max(place for place, name in enumerate(names) if name == wanted[1])
    alone = network.embedder(read_image(folder.name(last))[None])
    torch.testing.assert_close(F.normalize(found.embeddings)[-1:], F.normalize(alone), atol=1e-4, rtol=0)
