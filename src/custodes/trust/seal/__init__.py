# SPDX-License-Identifier: Apache-2.0
"""Sealed segments and their manifests."""
