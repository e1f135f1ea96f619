"""The front door: pages that are kept whole are found by what was asked, before there is a request.

``_asked`` says which entry a request is for, ``_ready`` is an answer made once and sent many times,
``_lane`` finds one by the other; the middleware and ``front_door`` are its two users.
"""
