"""PROCESS 1, the operator: kopf handlers, work queue, reconcile, leader election.

Read `reconcile.py` first; `main.py` puts the parts together.
"""
