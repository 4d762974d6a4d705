# SPDX-License-Identifier: Apache-2.0
"""Sealing, log, custody and verification; runs anywhere, trusts no server of ours."""
