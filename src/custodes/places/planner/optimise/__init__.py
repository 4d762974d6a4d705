# SPDX-License-Identifier: AGPL-3.0-or-later
"""The least intrusive network that does the declared job within yearly budgets, with a proof of how good it is."""
