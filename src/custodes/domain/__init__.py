# SPDX-License-Identifier: Apache-2.0
"""The words of the field as frozen types; knows no library."""
