import csv
import json

import pytest
import torch

from facerec.checkpoints import ModelCard
from facerec.files import written_whole
from facerec.inference import Embedder
from facerec.inference.submission import (
    in_sample_order,
    predict_classes,
    read_sample,
    score_rows,
    write_metadata,
    write_rows,
)
from facerec.losses import Softmax, Triplet
from tests.inference.networks import small_recognizer


def test_rows_are_numbered_from_zero_in_order_and_scores_stay_apart() -> None:
    scores = torch.tensor([0.1, 0.1 + 1e-8, float("nan"), -1.0, 0.25]).tolist()
    rows = score_rows(scores)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row[1] for row in rows[2:]] == ["", "-1", "0.25"]
    assert rows[0][1] != rows[1][1]  # neighbours in float32
    assert score_rows(scores, fill="0")[2] == ("2", "0")


def test_classes_are_the_names_of_the_highest_logits() -> None:
    embedder = Embedder(small_recognizer())
    weight_CD = embedder.recognizer.loss.weight.detach()
    assert predict_classes(embedder, weight_CD[[2, 0, 3]] * 100.0) == ["cleo", "ada", "dan"]
    embedder.recognizer.card = ModelCard(identities=("ada",))
    with pytest.raises(ValueError, match="names 1 people and has weights of 4"):
        predict_classes(embedder, weight_CD)


def test_the_classes_of_a_network_are_those_of_its_last_layer() -> None:
    recognizer = small_recognizer()
    recognizer.loss = Softmax(hidden_dim=6, dropout=0.5).build(16, 4)
    embeddings = torch.randn(5, 16)
    hidden = torch.relu(embeddings @ recognizer.loss.hidden.weight.T)
    names = [recognizer.card.identities[row.argmax()] for row in hidden @ recognizer.loss.weight.T]
    assert predict_classes(Embedder(recognizer), embeddings) == names


def test_a_loss_without_class_weights_cannot_classify() -> None:
    recognizer = small_recognizer()
    recognizer.loss = Triplet()
    embedder = Embedder(recognizer)
    with pytest.raises(ValueError, match="Triplet has no class weights"):
        predict_classes(embedder, torch.randn(2, 16))


def test_a_sample_gives_columns_order_and_ids(tmp_path) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text("name,class\nb.jpg,0\na.jpg,0\n")
    columns, ids = read_sample(sample)
    assert columns == ("name", "class")
    rows = in_sample_order([("a.jpg", "7"), ("b.jpg", "8")], ids, sample)
    write_rows(tmp_path / "out.csv", columns, rows)
    assert list(csv.reader((tmp_path / "out.csv").open())) == [["name", "class"], ["b.jpg", "8"], ["a.jpg", "7"]]
    with pytest.raises(ValueError, match="1 predictions and 2 rows"):
        in_sample_order(rows[:1], ids, sample)
    with pytest.raises(ValueError, match=r"has the id 'b\.jpg' and 0 more that were not predicted"):
        in_sample_order([("a.jpg", "7"), ("c.jpg", "8")], ids, sample)
    with pytest.raises(ValueError, match="an id twice"):
        in_sample_order(rows, ["a.jpg", "a.jpg"], sample)
    sample.write_text("only one column\nb.jpg\n")
    with pytest.raises(ValueError, match="not a sample submission"):
        read_sample(sample)
    with pytest.raises(FileNotFoundError, match="no sample submission"):
        read_sample(tmp_path / "none.csv")


def test_metadata_are_of_the_model_as_trained(tmp_path) -> None:
    recognizer = small_recognizer()
    write_metadata(tmp_path / "model.json", Embedder(recognizer))
    stored = json.loads((tmp_path / "model.json").read_text())
    assert stored["parameter_count"] == sum(parameter.numel() for parameter in recognizer.parameters())
    assert "BatchNorm2d" in stored["model_architecture"]  # not the folded copy
    assert "Softmax" in stored["model_architecture"]


def test_a_file_is_whole_or_as_it_was(tmp_path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]
    assert path.read_text() == "old"
