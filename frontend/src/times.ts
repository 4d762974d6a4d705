// SPDX-License-Identifier: AGPL-3.0-or-later
// Times as people read them. Pages say UTC; the control room works in its own local time.

// The pages are in English; hours run from 0 to 23, as in every control room.
const form = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...options });
const long = form({ dateStyle: "medium", timeStyle: "long" });
const second = form({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = form({ hour: "2-digit", minute: "2-digit" });
const day = form({ weekday: "short", day: "numeric", month: "short" });
const full = form({ dateStyle: "medium", timeStyle: "medium" });

/** Give every time element its local time as a title. */
export function nameLocalTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll("time")) {
    const instant = new Date(element.dateTime);
    if (!Number.isNaN(instant.getTime())) element.title = long.format(instant);
  }
}

export const timeOfDay = (ms: number): string => second.format(ms);
export const hourAndMinute = (ms: number): string => minute.format(ms);
export const dayOf = (ms: number): string => day.format(ms);
export const dateAndTime = (ms: number): string => full.format(ms);

/** The value of a datetime-local input: local time with seconds. */
export function localValue(ms: number): string {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/** RFC 3339 in UTC with whole seconds. */
export const utc = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
