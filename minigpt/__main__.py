"""python -m minigpt: see cli.py."""

import sys

from minigpt.cli import main

sys.exit(main())
