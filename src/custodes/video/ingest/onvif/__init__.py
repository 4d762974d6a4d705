# SPDX-License-Identifier: AGPL-3.0-or-later
"""ONVIF: finding cameras, asking what they are and where their streams are, giving them a password that nobody knows.

A device is a hostile peer: answers are bounded in size, depth and time, have no entities, and cannot make us talk to
another host. Whatever is wrong raises ``CustodesError``, and no message holds a password or a device's own free text.
"""
