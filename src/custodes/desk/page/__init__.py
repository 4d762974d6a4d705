# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's page: served by the custodian's own program, on this machine, to this machine's browser only."""
