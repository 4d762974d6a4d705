# SPDX-License-Identifier: AGPL-3.0-or-later
"""The recorder: a coordinator, which knows the catalogue, and shards of about ten cameras each, which do not.

A shard gets addresses and proofs from the coordinator and reports what happened. It writes sealed objects by itself, so
that recording waits for nobody: not for the catalogue, not for the coordinator, not for another camera's disk.
"""
