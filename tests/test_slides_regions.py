"""Slides 17 to 19, rule 2: one page, of which some regions can be cached and some can't."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.books.models import Author, Book
from tests.cache.regions_site import templates

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.cache.regions_site")]
DATA = re.compile(r'<script id="unhurried-regions-data" type="application/json">(.*?)</script>')


def test_17_which_regions_of_a_page_can_be_cached_and_what_each_has_read(settings, store):
    settings.TEMPLATES = templates(settings)
    Book.objects.create(title="Two Scoops", author=Author.objects.create(name="Audrey"))
    client = Client()
    client.force_login(User.objects.create(username="jacob", is_staff=True))
    page = client.get("/show/list/?unhurried=regions").content.decode()
    told: dict[str, Any] = json.loads(DATA.findall(page)[0])
    for_all, greeting, the_list = told["regions"]
    assert [each["colour"] for each in told["regions"]] == ["green", "amber", "green"]
    assert for_all["reads"] == the_list["reads"] == []
    assert the_list["tables"] == ["books_author", "books_book"]
    assert ["user:username", "base.html:3"] in greeting["reads"]
    assert "<!--u:1-->Hello, jacob<!--/u:1-->" in page
    assert "Two Scoops by Audrey" in page.partition("<!--u:2-->")[2]
