# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m custodes.demo.cameras``."""

import sys

from custodes.demo.cameras.program import main

sys.exit(main())
