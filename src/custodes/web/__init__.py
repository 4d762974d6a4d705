# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's web: public, operator, steward and admin pages."""
