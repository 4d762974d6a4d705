# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages for the steward (data-protection officer)."""
