# SPDX-License-Identifier: Apache-2.0
"""Verification that trusts no server of ours: log, receipt, segment, bundle."""
