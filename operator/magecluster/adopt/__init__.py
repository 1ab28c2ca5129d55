"""ADOPT: moving in from Mage's own Helm chart.

What is decided is pure: `plan.py` makes of the live objects of a release the MageCluster that would replace it, what
differs, and what stands in the way. What is done is a list of steps, each with its way back: `steps.py`.
"""
