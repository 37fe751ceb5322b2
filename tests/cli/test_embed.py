"""`facerec embed`: names and embeddings in a file."""

import numpy as np

from facerec.data.images import read_image
from facerec.inference import Embedder
from tests.cli.conftest import assert_refused, run


def test_embed_writes_names_and_embeddings(model, people, tmp_path, capsys) -> None:
    output = tmp_path / "embeddings.npz"
    assert run("embed", people, *model, "--output", output, "--batch_size", 3) == 1  # an image is broken
    with np.load(output) as stored:
        assert stored["names"].tolist()[0] == str(people / "s1" / "1.png")
        assert stored["embeddings"].shape == (8, 16)
        embedder = Embedder.from_checkpoint(model[1])
        assert str(stored["fingerprint"]) == embedder.fingerprint
        expected = embedder(read_image(people / "s1" / "1.png")[None])[0]
        np.testing.assert_allclose(stored["embeddings"][0], expected, rtol=1e-4, atol=1e-5)


def test_a_folder_is_no_file_to_write(model, people, tmp_path, capsys) -> None:
    assert_refused("is a folder", capsys, "embed", people, "--output", tmp_path, *model)
