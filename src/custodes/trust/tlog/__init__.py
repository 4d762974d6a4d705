# SPDX-License-Identifier: Apache-2.0
"""The transparency log (C2SP tlog-tiles)."""
