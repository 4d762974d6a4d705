# SPDX-License-Identifier: AGPL-3.0-or-later
"""The numbers that decide what is masked. Changing one that shows more means a new masker version."""

from dataclasses import dataclass, replace

from custodes.clock import MILLISECOND, SECOND


@dataclass(frozen=True, slots=True)
class Tuning:
    """Times in nanoseconds, luma and chroma in 8-bit steps, counts in pixels of one cell of 8x8."""

    # When a picture may not be shown at all.
    silence: int = 2 * SECOND
    frozen: int = 5 * SECOND
    late: int = 1500 * MILLISECOND
    moved_share: float = 0.65
    """Share of blocks that changed at once: not people any more, but another scene."""
    moved_shift: float = 2.5
    """Shift of the whole picture, in pixels."""
    shake: float = 4.0
    """Shift of the whole picture, in pixels, that is put back before pictures are compared (a mast in the wind) ..."""
    shake_share: float = 0.1
    """... where at least this share of the picture differs."""
    moved_recovery: int = 2 * SECOND
    verify: int = 5 * SECOND
    """A reference from before a restart is shown only after the scene has been recognised for so long."""
    mode_time: int = 2 * SECOND
    """How long a camera must have lost its colours, or have them again, to be in the other mode."""
    moved_restart: int = 10 * SECOND
    """After this long in another scene a new candidate reference is begun."""

    # The candidate reference.
    sample_every: int = 800 * MILLISECOND
    sample_later: int = 4 * SECOND
    """Once a block has all its samples, newer ones replace the oldest at this pace."""
    samples: int = 24
    samples_needed: int = 10
    candidate_time: int = 20 * SECOND
    candidate_patience: int = 60 * SECOND
    """After this long, blocks without enough clean samples no longer hold up the rest; they stay masked."""
    candidate_share: float = 0.95
    still_every: int = 5 * SECOND
    still_later: int = 60 * SECOND
    """How often the steward's still is made anew, before and after there is a certified reference."""

    # Before the steward has looked, where the register entry permits that anything is shown.
    first_time: int = 600 * SECOND
    """A block is shown after so long without a change and without anybody or anything found in it."""
    first_renew: int = 60 * SECOND
    """How often blocks that have changed begin again."""

    # The difference to the reference.
    fine: float = 8.0
    coarse: float = 5.0
    chroma: float = 4.0
    spread: float = 2.6
    """How many times its spread during learning a feature may differ, beyond the fixed steps above."""
    strong_pixels: int = 7
    weak_pixels: int = 2

    # The mask.
    hold: int = SECOND
    hold_found: int = 1500 * MILLISECOND
    """How long a block counts as somebody's after the detector found them there: one look may miss them."""
    hold_restless: int = 4 * SECOND
    box_margin: float = 0.12
    """What is added to the sides of a box, in shares of them; twice as much in the next picture, and so on."""

    # Learning after certification.
    learn_every: int = SECOND
    learn_time: int = 30 * SECOND
    calm: int = 10 * SECOND
    """A block learns only when it, and its neighbours, have been free of masks for this long."""
    learn_luma: float = 6.0
    learn_chroma: float = 4.0
    drift_luma: float = 16.0
    drift_chroma: float = 10.0
    """The learnt reference never departs further than this from what the steward certified, light apart."""

    # The detector's schedule.
    detect_learning: int = 2
    detect_active: int = 3
    detect_quiet: int = 5
    """Every so many pictures: without a certified reference, where something is going on and where nothing is."""


def for_scene(tuning: Tuning, known_share: float, box_margin: float) -> Tuning:
    """The same numbers for a scene of which only a share is known: it counts as lost by what differs of that."""
    return replace(tuning, moved_share=tuning.moved_share * known_share, box_margin=box_margin)


VERSION = "2"
