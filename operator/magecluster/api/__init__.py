"""TYPES: what a MageCluster is, as pydantic models from which the CRD is generated, and the names of things.

Imports nothing of ours and no I/O library. Read `magecluster.py` first.
"""
