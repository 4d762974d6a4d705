# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's machines."""
