/** Moments as the viewer's clock shows them. Inputs are unix nanoseconds. */

export type Zone = 'local' | 'utc';

const NS_PER_MS = 1_000_000;

export function nsToMs(ns: number): number {
	return ns / NS_PER_MS;
}

function pad(value: number, width = 2): string {
	return String(value).padStart(width, '0');
}

/** 14:02:31 in the chosen zone; with milliseconds when asked. */
export function clockTime(ns: number, zone: Zone, withMs = false): string {
	const date = new Date(nsToMs(ns));
	const parts =
		zone === 'utc'
			? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()]
			: [date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
	const text = `${pad(parts[0]!)}:${pad(parts[1]!)}:${pad(parts[2]!)}`;
	return withMs ? `${text}.${pad(parts[3]!, 3)}` : text;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function dayKey(date: Date, zone: Zone): string {
	return zone === 'utc'
		? `${date.getUTCFullYear()}-${date.getUTCMonth()}-${date.getUTCDate()}`
		: `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** The time alone for today, with the day in front for every other day: `23 Nov 14:02:31`. */
export function dayAndTime(ns: number, zone: Zone, nowMs: number): string {
	const date = new Date(nsToMs(ns));
	const time = clockTime(ns, zone);
	if (dayKey(date, zone) === dayKey(new Date(nowMs), zone)) return time;
	const [day, month] =
		zone === 'utc' ? [date.getUTCDate(), date.getUTCMonth()] : [date.getDate(), date.getMonth()];
	return `${day} ${MONTHS[month!]} ${time}`;
}

/** Full UTC to the millisecond, for titles and screen readers. */
export function utcExact(ns: number): string {
	const date = new Date(nsToMs(ns));
	return `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** Name of the viewer's zone as short as the browser knows it: CET, GMT+5:30, UTC. */
export function zoneName(zone: Zone, at: Date): string {
	if (zone === 'utc') return 'UTC';
	const part = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' })
		.formatToParts(at)
		.find((item) => item.type === 'timeZoneName');
	return part?.value ?? 'local';
}

/** "3 s", "4 min", "2 h", "5 d": how long, in one unit, rounded down. */
export function duration(ms: number): string {
	const seconds = Math.max(0, ms) / 1000;
	if (seconds < 60) return `${Math.floor(seconds)} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
	return `${Math.floor(seconds / 86_400)} d`;
}

/** Offset of an event from its start: +61 ms, +18.2 s, +3 d. */
export function offset(ms: number): string {
	const sign = ms < 0 ? '\u2212' : '+';
	const size = Math.abs(ms);
	if (size < 1000) return Math.round(size) === 0 ? '0 ms' : `${sign}${Math.round(size)} ms`;
	if (size < 60_000) return `${sign}${(size / 1000).toFixed(1)} s`;
	return `${sign}${duration(size)}`;
}

/** When the day figures start anew, in UTC and on the viewer's clock: the day stop uses the same moment. */
export function dayReset(zone: Zone, now: Date): string {
	const midnight = new Date(now);
	midnight.setUTCHours(0, 0, 0, 0);
	if (zone === 'utc' || midnight.getTimezoneOffset() === 0) return 'since 00:00 UTC';
	return `since 00:00 UTC (${pad(midnight.getHours())}:${pad(midnight.getMinutes())} yours)`;
}
