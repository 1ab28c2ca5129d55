"""Brings commits of a Git repository into the project of one Mage, with that Mage's own Python, beside it."""
