"""Quantiles read from buckets are within 1 %, counts exact to 63."""

from __future__ import annotations

import math
import random

import pytest

from unhurried.measure._buckets import COUNT, TIME, VALUE, CountScale, Scale, quantiles


@pytest.mark.parametrize(("scale", "low", "high"), [(TIME, 1e3, 3.6e12), (VALUE, 1e-6, 1e9)])
def test_a_bucket_stands_for_its_values_within_one_percent(
    scale: Scale, low: float, high: float
) -> None:
    rng = random.Random(1)
    for _ in range(20_000):
        value = math.exp(rng.uniform(math.log(low) + 1e-9, math.log(high)))
        assert abs(scale.points[scale.index(value)] - value) <= 0.01 * value


def test_counts_are_exact_to_63() -> None:
    assert [COUNT.points[COUNT.index(n)] for n in range(64)] == list(range(64))
    assert all(abs(COUNT.points[COUNT.index(n)] - n) <= 0.01 * n for n in range(64, 100_000, 7))


@pytest.mark.parametrize("scale", [TIME, VALUE, COUNT])
def test_what_lies_outside_is_put_at_the_ends(scale: Scale) -> None:
    assert scale.index(0) == 0
    assert scale.index(-5) == 0
    assert scale.index(1e30) == scale.last == len(scale.points) - 1


@pytest.mark.parametrize("seed", range(3))
def test_merged_quantiles_are_within_one_percent(seed: int) -> None:
    rng = random.Random(seed)
    merged, values = [0] * TIME.size, []
    for _worker in range(8):
        for _ in range(1_000):
            value = int(rng.lognormvariate(16, 1.5))
            values.append(value)
            merged[TIME.index(value)] += 1
    values.sort()
    wanted = (0.5, 0.9, 0.95, 0.99, 0.999)
    found = quantiles(merged, TIME, wanted, max(values))
    for q, value in zip(wanted, found, strict=True):
        true = values[max(math.ceil(q * len(values)) - 1, 0)]
        assert abs(value - true) <= 0.01 * true


def test_quantiles_of_nothing_are_zero_and_never_above_the_largest() -> None:
    assert quantiles([0] * TIME.size, TIME, (0.5,), 0) == [0.0]
    buckets = [0] * TIME.size
    buckets[TIME.index(5e6)] = 1
    assert quantiles(buckets, TIME, (0.5, 0.99), 5e6 - 1) == [5e6 - 1] * 2


def test_a_count_scale_is_monotone() -> None:
    scale = CountScale(7, 1e4)
    seen = [scale.index(n) for n in range(10_000)]
    assert seen == sorted(seen)
    assert seen[-1] <= scale.last
