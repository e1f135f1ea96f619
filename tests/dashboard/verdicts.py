"""Verdicts of every state, as the judge would give them, and as nobody would."""

from __future__ import annotations

from dataclasses import replace

from unhurried.diagnose.reading import FINE, SLOW, TOO_LITTLE, Cause, Promise, Verdict

HOSTILE = "<script>alert(1)</script>\"'&{{ x }}{% y %}\udcff\u202e"
DIFF = (
    "--- a/pins/views.py\n+++ b/pins/views.py\n@@ -31,2 +31,2 @@\n"
    "-    pins = Pin.objects.all()[:96]\n"
    '+    pins = Pin.objects.select_related("author")[:96]\n'
    '     return render(request, "feed.html", {"pins": pins})\n'
)
LONG_DIFF = "--- a/a.py\n+++ b/a.py\n@@ -1,20 +1,20 @@\n" + "".join(
    f"-    row_{n} = Thing.objects.get(pk=keys[{n}])  # {'x' * 90}\n"
    f"+    row_{n} = things[keys[{n}]]\n"
    for n in range(20)
)

NETWORK = Cause(
    cause="network latency",
    title="Pages wait for the network to the database",
    share=0.48,
    confidence="sure",
    key="network default",
    evidence=[
        "101 round trips a request, 2.8 ms each of which 0.1 ms is work",
        "the shortest of 12,400 statements took 2.7 ms: that is the way there and back",
    ],
    where=["feed.html:12", "pins/views.py:31"],
    advice="Ask for the authors with the pins: one round trip in the place of 96.",
    gain=0.120,
    expected=0.31,
    verify="manage.py unhurried diagnose --url /with_queries/",
    route="with_queries/",
    query={"verified": "yes"},
    verified=True,
    diff=DIFF,
)
TEMPLATE = Cause(
    cause="slow templates",
    title="feed.html:40 formats 96 dates a page",
    share=0.17,
    confidence="likely",
    key="template feed.html:40",
    evidence=["31 of 180 looks at working requests found them there"],
    where=["feed.html:40"],
    remedy=['{% fragment "pin" pin %}', "…", "{% endfragment %}"],
    advice="Keep what a pin looks like until it changes.",
    gain=0.061,
    expected=0.16,
    verify="manage.py unhurried diagnose --minutes 10",
)
SERVERS = Cause(
    cause="misconfigured servers",
    title="DEBUG is on",
    share=0.004,
    confidence="sure",
    key="debug",
    remedy=["DEBUG = False"],
    where=["shop/settings.py:12"],
)
PARTS = {
    "network": 87.2,
    "database": 3.1,
    "templates": 48.0,
    "view": 22.4,
    "queue": 6.6,
    "http": 0.0,
    "other": 14.7,
}
UNSEEN = [
    "front-end rendering: no page has {% vitals %}",
    "lock waits: the database is SQLite",
    "PSI: the kernel does not tell of it here",
]

SLOW_SITE = Verdict(
    SLOW,
    "Your site waits for the network to the database: 48 % of users\u2019 time",
    seconds=3600.0,
    requests=467,
    time=182.0,
    mean=0.390,
    parts=PARTS,
    findings=[NETWORK, TEMPLATE, SERVERS],
    slowest=("with_queries/", 0.41),
    unseen=UNSEEN,
    notes=["Two workers were begun anew in this hour."],
)
FINE_SITE = Verdict(
    FINE,
    "Nothing to fix",
    seconds=3600.0,
    requests=12_400,
    time=595.0,
    mean=0.048,
    parts={"database": 301.0, "templates": 180.0, "view": 114.0},
    slowest=("with_queries/", 0.11),
    unseen=UNSEEN[:1],
)
TOO_LITTLE_YET = Verdict(
    TOO_LITTLE,
    "Not enough data: 12 requests in 10 minutes, 200 are needed",
    seconds=600.0,
    requests=12,
    notes=["Nobody has asked for a page since 12:41."],
)


def applied(had: float = 0.35) -> Verdict:
    """A remedy that a release has brought."""
    done = Promise(
        key="loop:with_queries/:books.html:3",
        title="books.html:3 asked Book.author one row at a time",
        cause="own bugs",
        route="with_queries/",
        promised=0.38,
        had=had,
        before=0.112,
        after=0.112 * (1 - had),
    )
    return replace(FINE_SITE, promises=[done], release="51c0")


def _extreme(number: int) -> Cause:
    return Cause(
        cause="own bugs",
        title=f"{HOSTILE} {number} " + "Averyveryverylongwordwithoutaspace" * 3 + " and on" * 12,
        share=0.4 / (number + 1) if number < 11 else 0.004,
        confidence="perhaps",
        key=f"{HOSTILE} {number}",
        evidence=[f"{HOSTILE} line {n}: {'0123456789' * 12}" for n in range(14)],
        where=[f"{HOSTILE}/{'deep/' * 30}views.py:{n}" for n in range(20)],
        remedy=[f'settings["{HOSTILE}"] = {n}  # {"y" * 120}' for n in range(3)],
        advice=HOSTILE * 4,
        verify=f"manage.py unhurried diagnose --url /{HOSTILE}/{'z' * 150}",
        route=f"{HOSTILE}<int:pk>/",
        query={"verified": "no"} if number % 2 else None,
        diff=LONG_DIFF.replace("Thing", HOSTILE) if number % 3 == 0 else "",
    )


EXTREME = Verdict(
    SLOW,
    f"{HOSTILE} " + "is what your site waits for, and has waited for all the time, " * 3,
    seconds=1e8,
    requests=1_234_567_890,
    time=1e9,
    mean=0.81,
    parts={HOSTILE: 1.0, **{f"part {n} of a long name": 10.0**n for n in range(9)}, "nil": 0.0},
    findings=[_extreme(number) for number in reversed(range(12))],
    slowest=(HOSTILE, 1e5),
    unseen=[f"{HOSTILE} {'w' * 300}"] * 3,
    notes=[HOSTILE],
)
NOTHING_AT_ALL = Verdict(SLOW, "", seconds=0.0)
STATES = {
    "slow": SLOW_SITE,
    "fine": FINE_SITE,
    "little": TOO_LITTLE_YET,
    "extreme": EXTREME,
    "applied": applied(),
}
