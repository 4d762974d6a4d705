# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the exposure benchmark is made of: places and people (scenes), weather, the run of a masker, and its figures."""
