# SPDX-License-Identifier: AGPL-3.0-or-later
"""The annex of a data-protection impact assessment (GDPR article 35(7)): one content, as PDF and as HTML."""
