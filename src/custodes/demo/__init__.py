# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole system on one machine: virtual cameras, a rendered street, every party in its own process."""
