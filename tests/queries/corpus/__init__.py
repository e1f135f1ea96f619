"""Labelled cases of queries in loops: problems, innocents and adversarial ones (see README.md).

python -m tests.queries.corpus             score the detector
python -m tests.queries.corpus --verify    and the proof
"""
