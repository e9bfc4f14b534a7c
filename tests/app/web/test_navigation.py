import pytest

from app.roles import ALLOWED
from app.web.navigation import SECTIONS, navigation


def shown(role, path="/"):
    return {section.name: [link.address for link in section.links] for section in navigation(role, path)}


def test_everybody_sees_the_rooms_that_they_may_enter():
    assert shown("labeler") == {"Work": ["/label"], "My work": ["/label/mine"]}
    assert shown("applicant") == {"Your test": ["/screening"]}
    assert list(shown("engineer")) == ["Dashboard", "Labeling", "Quality", "Data", "Training"]
    assert shown("engineer")["Labeling"] == ["/campaigns", "/schemas"]
    assert list(shown("admin"))[-1] == "People"
    assert "My work" not in shown("researcher")


@pytest.mark.parametrize(
    ("path", "section", "place"),
    [
        ("/label", "Work", "/label"),
        ("/label/tasks/3/rank", "Work", "/label"),
        ("/label/mine/3", "My work", "/label/mine"),
    ],
)
def test_the_longest_address_says_where_a_page_belongs(path, section, place):
    [current] = [section for section in navigation("labeler", path) if section.current]
    assert (current.name, [link.address for link in current.links if link.current]) == (section, [place])


def test_a_page_of_no_place_and_a_place_of_a_like_name_mark_nothing():
    assert not any(section.current for section in navigation("admin", "/account/password"))
    assert not any(section.current for section in navigation("admin", "/runsheets"))


def test_every_place_asks_for_something_that_is_known():
    assert {place.action for _name, places in SECTIONS for place in places} <= set(ALLOWED)
