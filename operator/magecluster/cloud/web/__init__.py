"""HTTP: routes in tables, one way in for all of them, handlers that say what happens in a few lines.

Read `route.py` and `door.py` first.
"""
