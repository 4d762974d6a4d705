# SPDX-License-Identifier: AGPL-3.0-or-later
"""Parts of the exposure benchmark."""
