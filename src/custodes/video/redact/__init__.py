# SPDX-License-Identifier: AGPL-3.0-or-later
"""Redaction of opened footage: one region is kept, everybody else is masked. Runs where footage may be opened only."""
