# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages for everybody: register, log, disclosures, and what this is. They work without JavaScript."""
