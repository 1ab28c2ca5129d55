"""Mage clusters on Kubernetes: the operator and the APIs in front of it."""

__version__ = "0.1.0"
