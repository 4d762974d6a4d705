# SPDX-License-Identifier: AGPL-3.0-or-later
"""Privacy zones come and go with the masker; what is barred is covered, whatever is in it."""

import numpy as np
import pytest
from tests.mask_rig import HEIGHT, WIDTH, Rig, luma_of

from custodes.clock import MILLISECOND
from custodes.demo.served import decode
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover
from custodes.domain.zones import Zone
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.mask import palette
from custodes.video.mask.palette import mask_pixels

LEFT: Zone = ((0, 0), (3_000, 0), (3_000, 10_000), (0, 10_000))
"""Three tenths of the picture's width: 48 pixels, and what is within two pixels of them."""
WIDE = 64
SHOWN = palette.ZONE.y


def zoned(*zones: Zone) -> Rig:
    return Rig(zones=zones).certified()


def test_a_zone_is_one_colour_and_the_rest_is_shown_as_ever() -> None:
    plain, rig = Rig().certified(), zoned(LEFT)
    served, without = rig.show(rig.empty), plain.show(plain.empty)
    assert served.cover is None
    assert (luma_of(served)[:, :WIDE] == SHOWN).all()
    assert np.abs(luma_of(served)[:, WIDE:].astype(int) - luma_of(without)[:, WIDE:]).max() <= 2


def test_zones_are_recognised_as_masked_even_after_they_were_encoded() -> None:
    rig = zoned(LEFT)
    served = [rig.show(rig.empty) for _ in range(10)]
    assert mask_pixels(served[0].i420, WIDTH, HEIGHT)[:, :WIDE].all()
    encoder = FragmentEncoder(CameraId("a" * 26), WIDTH, HEIGHT, 5)
    pieces = [piece.data for frame in served for piece in encoder.push(frame)]
    for picture in decode(encoder.init.data + b"".join(pieces)):
        assert mask_pixels(picture, WIDTH, HEIGHT)[:, : WIDE - 2].mean() > 0.99


def test_somebody_in_a_zone_is_neither_masked_nor_counted_as_activity() -> None:
    rig = zoned(LEFT)
    served = rig.show(rig.with_block(8, 10, 30, 70), 5)
    assert (luma_of(served)[:, :WIDE] == SHOWN).all()
    assert served.masked_share == 0
    # Who steps out of it is masked outside.
    served = rig.show(rig.with_block(90, 10, 110, 70), 5)
    assert served.masked_share > 0
    assert mask_pixels(served.i420, WIDTH, HEIGHT)[10:70, 90:110].all()


def test_the_still_for_the_steward_shows_no_zone_either_and_zones_do_not_hold_up_learning() -> None:
    rig = Rig(zones=(LEFT,))
    rig.show(rig.empty, 125)
    still = rig.masker.candidate()
    assert still is not None
    assert rig.masker.progress == 100
    assert (luma_of(still)[:, :WIDE] == SHOWN).all()


def test_a_reference_from_before_a_zone_was_set_loses_what_is_in_it() -> None:
    kept = Rig().certified().masker.keep()
    assert kept is not None
    rig = Rig(zones=(LEFT,))
    rig.masker.restore(kept)
    served = [rig.show(rig.empty) for _ in range(40)]
    assert {frame.cover for frame in served} == {Cover.STARTING, None}
    assert (luma_of(served[-1])[:, :WIDE] == SHOWN).all()
    later = rig.masker.keep()
    assert later is not None
    # Where the zone is gone again nobody has seen the scene: masked, until it is certified anew.
    plain = Rig()
    plain.masker.restore(later)
    served = [plain.show(plain.empty) for _ in range(40)]
    assert served[-1].cover is None
    assert mask_pixels(served[-1].i420, WIDTH, HEIGHT)[:, :WIDE].all()
    assert (luma_of(served[-1])[:, :WIDE] == palette.PERSON.y).all()


def test_a_camera_that_was_moved_is_noticed_although_zones_hide_most_of_its_picture() -> None:
    most: Zone = ((0, 0), (6_000, 0), (6_000, 10_000), (0, 10_000))
    rig = zoned(most)
    assert rig.show(rig.empty).cover is None
    elsewhere = 255 - rig.empty
    assert rig.show(elsewhere, 3).cover is Cover.CAMERA_MOVED


def test_a_picture_that_is_all_zone_stays_covered() -> None:
    rig = Rig(zones=(((0, 0), (10_000, 0), (10_000, 10_000), (0, 10_000)),))
    for _ in range(125):
        served = rig.show(rig.empty)
        assert served.cover is not None
        assert (luma_of(served) == palette.COVER.y).all()


@pytest.mark.parametrize("why", [Cover.HIDDEN, Cover.RECALLED, Cover.UNCHECKED])
def test_what_is_barred_is_covered_with_its_cause_and_the_scene_is_followed_behind_it(why: Cover) -> None:
    rig = Rig().certified()
    for given in (rig.picture(rig.empty), None):
        served = rig.send(given, barred=why)
        assert served.cover is why
        assert (luma_of(served) == palette.COVER.y).all()
    # Shown again at once, for nothing was forgotten; not even somebody who came meanwhile.
    standing = rig.with_block(60, 20, 80, 60)
    for _ in range(20):
        rig.send(rig.picture(standing), barred=why, after=200 * MILLISECOND)
    served = rig.send(rig.picture(standing))
    assert served.cover is None
    assert mask_pixels(served.i420, WIDTH, HEIGHT)[20:60, 60:80].all()
    assert not mask_pixels(served.i420, WIDTH, HEIGHT)[:, 120:].any()
