"""Addresses name tasks by numbers that tell nothing about their ids."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.addresses import meant, shown
from app.web.forms import LARGEST_NUMBER


@given(number=st.integers(0, LARGEST_NUMBER), key=st.text(max_size=20))
def test_a_number_leads_back_to_its_id_and_is_one_that_an_id_may_have(number, key):
    assert 0 <= shown(key, number) <= LARGEST_NUMBER
    assert meant(key, shown(key, number)) == number


def test_the_order_of_ids_is_lost_and_hangs_on_the_key():
    numbers = [shown("key", number) for number in range(1, 2_001)]
    assert len(set(numbers)) == 2_000
    rises = sum(one < other for one, other in itertools.pairwise(numbers))
    assert 860 < rises < 1_140  # half of them, ± more than ten standard deviations of √(2001 / 12)
    assert numbers != [shown("another key", number) for number in range(1, 2_001)]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_id_of_a_task_is_no_address_of_it(browse, workshop):
    browse.as_("labeler")
    workshop.campaign(workshop.prompts(1))
    place = browse.post("/label/next").headers["location"]
    assert browse.task(browse.task_at(place)) == place
    browse.get(place)
    assert place != f"/label/tasks/{browse.task_at(place)}"
    browse.get(f"/label/tasks/{browse.task_at(place)}", status=404)
