// SPDX-License-Identifier: AGPL-3.0-or-later
// The control room's pages.
import "./elements/hide";
import "./live/element";
import "./live/wall";
import "./playback/timeline";
import "./playback/player";
import "./playback/camera";
