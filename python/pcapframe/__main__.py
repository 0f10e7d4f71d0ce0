"""``python -m pcapframe`` is the command ``pcapframe``."""

import sys

from .cli import main

sys.exit(main())
