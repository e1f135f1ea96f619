"""Under /fast/ nobody waits for what is written: messages that are received, views of a pin."""

import pytest

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def seen(probe):
    return probe("later_probe.py", 0.01)


def test_the_page_writes_down_what_was_shown_and_no_message(seen):
    assert seen["first"]["status"] == 200
    assert seen["first"]["writes"] == 1
    assert seen["first"]["new"] == seen["count"]


def test_what_came_between_the_page_and_the_drain_is_new(seen):
    assert seen["after"] == 1 + max(seen["count"] - 50, 0)


def test_who_has_written_reads_it(seen):
    assert seen["third"]["new"] < seen["second"]["new"]


def test_a_page_of_what_is_received_writes_nothing(seen):
    assert seen["fourth"]["writes"] == 0
    assert seen["fourth"]["queries"] == 3  # user, the look for one's own, messages


def test_a_page_of_messages_is_kept_for_its_reader_alone(seen):
    assert seen["fifth"]["queries"] == 2  # user, the look for one's own
    assert seen["like_fixed"]
    assert seen["others"]["queries"] > 2
    assert "Hello, jacob" not in seen["others"]["page"]


def test_a_new_message_is_shown_at_once(seen):
    assert "<p>hot</p>" not in seen["fifth"]["page"]
    assert "<p>hot</p>" in seen["sixth"]["page"]


def test_the_report_is_there_at_once_or_a_page_that_waits_and_then_the_same_for_all(seen):
    assert seen["waits"] in (200, 202)
    assert seen["report"] == [200, 200, True]
    assert seen["months"][0] == seen["months"][1] > 3


def test_the_button_marks_all(seen):
    assert seen["all"] == 0


def test_a_page_that_is_kept_counts_who_looks_at_it(seen):
    views = seen["views"]
    assert views["shown"] == [2, 3, 4]
    assert views["same"] == [True, True]


def test_a_view_is_one_query_and_no_write(seen):
    assert seen["views"]["queries"] == [1, 2, 1]  # a user besides
    assert seen["views"]["writes"] == [0, 0, 0, 0]


def test_views_are_written_behind_and_leave_the_page_kept(seen):
    assert seen["views"]["stored"] == [0, 5]
