"""Who is taken for whom, beside a count by hand."""

from collections import Counter

import numpy as np

from facerec.reports.confusions import confusions_figure, frequent_confusions

PEOPLE = [f"person {number}" for number in range(6)]


def test_the_most_images_come_first():
    generator = np.random.default_rng(0)
    labels, named = generator.integers(6, size=(2, 200))
    found = frequent_confusions(labels, named, most=10)
    expected = Counter((int(one), int(other)) for one, other in zip(labels, named, strict=True) if one != other)
    counts = [len(each.places) for each in found]
    assert counts == sorted(expected.values(), reverse=True)[:10]
    for each in found:
        assert expected[each.person, each.named] == len(each.places)
        assert each.of == int((labels == each.person).sum())
        assert {(labels[place], named[place]) for place in each.places} == {(each.person, each.named)}


def test_where_all_names_are_right_nobody_is_confused():
    labels = np.arange(6)
    assert frequent_confusions(labels, labels) == []
    assert not list(confusions_figure([], PEOPLE, "dev images").axes[0].patches)


def test_a_bar_is_as_long_as_there_are_images():
    labels, named = np.array([0, 0, 0, 1]), np.array([4, 4, 0, 5])
    [axes] = confusions_figure(frequent_confusions(labels, named), PEOPLE, "dev images").axes
    assert [bar.get_width() for bar in axes.patches] == [2, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "person 0 named person 4",
        "person 1 named person 5",
    ]
    assert [text.get_text().strip() for text in axes.texts] == ["2 of 3", "1 of 1"]
