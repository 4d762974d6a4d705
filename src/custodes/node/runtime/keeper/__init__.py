# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keeper: deletes what its retention no longer covers, and what has to make room."""
