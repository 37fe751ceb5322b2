"""YAML that stands for more than it says, and JSON that is none."""

import time

import pytest

from facerec.plain_text import read_json, read_yaml
from tests.cli.conftest import assert_refused

TEN_TIMES = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
MERGED = "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 30))
ITSELF = "a: &a [*a]\n"
DEEP = "a: " + "[" * 5000
LONG = "a: 1\n" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEN_TIMES, "stands for more than 100,000 values"),
        (MERGED, "stands for more than 100,000 values"),
        (ITSELF, "stands for more than 100,000 values"),
        (DEEP, "too many settings in settings"),
        (LONG, "too long for settings: 500,000 characters"),
        ("a: [", "is not YAML"),
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
    ],
)
def test_it_is_refused_at_once(text, message):
    started = time.process_time()
    with pytest.raises(ValueError, match=rf"x\.yaml .*{message}"):
        read_yaml(text, "x.yaml")
    assert time.process_time() - started < 5


def test_ordinary_aliases_are_read():
    assert read_yaml("a: &a {k: [1, 2]}\nb: *a\nc: {<<: *a, d: 3}", "") == {
        "a": {"k": [1, 2]},
        "b": {"k": [1, 2]},
        "c": {"k": [1, 2], "d": 3},
    }
    assert read_yaml("", "") is None


@pytest.mark.parametrize("text", ["{", b"\xff\xfe", "[" * 100_000, ""])
def test_what_is_no_json_names_its_file(text):
    with pytest.raises(ValueError, match=r"^x\.json is not JSON: "):
        read_json(text, "x.json")


@pytest.mark.parametrize("command", ["fit", "check", "inspect"])
def test_no_command_reads_such_a_configuration(command, tmp_path, capsys):
    path = tmp_path / "bomb.yaml"
    path.write_text(TEN_TIMES)
    arguments = [path] if command == "inspect" else ["--config", path]
    assert_refused("bomb.yaml stands for more than 100,000 values", capsys, command, *arguments)
