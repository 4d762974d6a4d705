# SPDX-License-Identifier: AGPL-3.0-or-later
"""The check of a store: what is torn, missing, orphaned, altered, or not as the catalogue says; and its repair."""
