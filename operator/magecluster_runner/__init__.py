"""What runs inside the Python of Mage's image: standard library and mage_ai only, syntax of Python 3.8."""
