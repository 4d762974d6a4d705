// SPDX-License-Identifier: AGPL-3.0-or-later
// On every page: parts that refresh themselves, code that can be copied, local time as a hint.
import "./elements/copy";
import "./elements/refresh";
import { nameLocalTimes } from "./times";

nameLocalTimes(document);
