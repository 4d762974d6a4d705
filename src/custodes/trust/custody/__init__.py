# SPDX-License-Identifier: Apache-2.0
"""Requests, grants, refusals, opening."""
