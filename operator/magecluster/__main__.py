"""`python -m magecluster`."""

import sys

from magecluster.cli.main import main

sys.exit(main())
