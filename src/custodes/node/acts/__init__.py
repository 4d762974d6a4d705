# SPDX-License-Identifier: AGPL-3.0-or-later
"""One function per accountable act: its rows and its log entry in one transaction (a test walks this folder)."""
