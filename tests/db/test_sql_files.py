"""Files of SQL as methods: what they give, what they refuse, and that data stays data."""

from __future__ import annotations

import datetime
import pytest
from decimal import Decimal
from tests.db.shelf.models import *
pytestmark = pytest.mark.django_db

def test_smoke():
    s = Shelf.objects.create(name="a")
    now = datetime.datetime(2024,1,2,3,4,5,6,tzinfo=datetime.UTC)
    for t,n in (("x",3),("y",2)):
        Stock.objects.create(shop=s,title=t,copies=n,added=now,day=now.date(),hour=now.time(),took=datetime.timedelta(hours=1),data={"a":[1]})
    assert Stock.objects.inventory(s.pk) == [Line("x",3),Line("y",2)]
    print(Stock.objects.whole("x"))
    help(StockManager)
    assert Stock.objects.most(s.pk) == 3
    assert Stock.objects.newest(s.pk) == now
    print(Stock.objects.books(s.pk)[0].__dict__)
    print([b.__dict__ for b in Stock.objects.stream(s.pk)])
    assert list(Stock.objects.lines()) == [Line("x",3),Line("y",2)]
    assert Stock.objects.titles(s.pk, True) == ["x","y"]
    assert Stock.objects.since(now, price=Decimal("9.90")) == ["x","y"]
    assert Stock.objects.sell("x", now.date()) == 1
    assert Stock.objects.sold("x") == [1]
