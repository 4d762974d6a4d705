# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m custodes``."""

import sys

from custodes.cli import main

if __name__ == "__main__":
    sys.exit(main())
