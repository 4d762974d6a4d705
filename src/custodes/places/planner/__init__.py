# SPDX-License-Identifier: AGPL-3.0-or-later
"""What cameras really see, whom that touches, and the least intrusive network that does the declared job.

Pure: arrays and dataclasses in and out; files are read at the edges (``geometry.osm``, ``inventory``). Needs the extra
``planner``. All lengths are metres, areas square metres, angles degrees, bearings clockwise from true north.
"""
