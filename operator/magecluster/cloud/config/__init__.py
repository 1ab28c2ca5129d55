"""The config of a cluster between the wire and the spec: pure.

`view.py` says what a client reads, `merge.py` what its answer changes. Read these two first.
"""
