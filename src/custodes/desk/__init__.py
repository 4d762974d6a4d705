# SPDX-License-Identifier: AGPL-3.0-or-later
"""Programs that run on other people's machines: custodian, requester, witness."""
