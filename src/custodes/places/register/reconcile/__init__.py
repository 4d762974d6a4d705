# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two inventories of one place made one: which rows are the same camera, and which a person must look at."""
