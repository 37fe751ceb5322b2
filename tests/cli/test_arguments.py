"""What is found on the command line before it is parsed."""

import pytest

from facerec.cli.arguments import given, long_form, value_of


@pytest.mark.parametrize(
    ("argument", "key", "expected"),
    [
        ("--data.root", "data.root", True),
        ("--data.root=x", "data.root", True),
        ("--data.root.deep", "data.root", True),
        ("--data.roots", "data.root", False),
        ("data.root", "data.root", False),
    ],
)
def test_a_setting_is_given_by_itself_or_by_a_part_of_it(argument, key, expected):
    assert given(["fit", argument, "x"], key) == expected


def test_the_first_value_counts_and_a_name_without_one_has_none():
    assert value_of(["--config=a", "--config", "b"], "config") == "a"
    assert value_of(["--ckpt_path", "b", "--config"], "config") is None
    assert value_of(["--config=a=b"], "config") == "a=b"
    assert value_of([], "config") is None


def test_other_options_keep_their_form():
    unchanged = ["--config", "--ckpt_path", "-h", "c"]
    assert [long_form(argument) for argument in unchanged] == unchanged
