# SPDX-License-Identifier: AGPL-3.0-or-later
"""Register and planner."""
