/**
 * Figures as people read them. Inputs are integers in micro-units or exact decimal strings;
 * rounding here is for display only, half away from zero. `?` is unknown, never zero.
 */

export const UNKNOWN = '?';
export const NOT_APPLICABLE = '–';
const MINUS = '\u2212';

/** Group the digits of a non-negative integer string: 12345 -> 12,345. */
function grouped(digits: string): string {
	return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A fixed-point text of `value / 10^scale`, rounded half away from zero, without a sign. */
function fixed(magnitude: bigint, scale: number, places: number): string {
	if (places < scale) {
		const divisor = 10n ** BigInt(scale - places);
		magnitude = (magnitude + divisor / 2n) / divisor;
	} else {
		magnitude *= 10n ** BigInt(places - scale);
	}
	const digits = magnitude.toString().padStart(places + 1, '0');
	const whole = grouped(digits.slice(0, digits.length - places));
	return places === 0 ? whole : `${whole}.${digits.slice(digits.length - places)}`;
}

interface FixedOptions {
	scale: number;
	places: number;
	/** Show + for values above zero. */
	signed?: boolean;
	/** Text between the sign and the figure, such as `$`. */
	prefix?: string;
}

/** Format an integer of `10^-scale` units. A value that rounds to zero carries no sign. */
export function formatScaled(value: bigint, options: FixedOptions): string {
	const magnitude = value < 0n ? -value : value;
	const body = fixed(magnitude, options.scale, options.places);
	const isZero = !/[1-9]/.test(body);
	const sign = isZero ? '' : value < 0n ? MINUS : options.signed ? '+' : '';
	return `${sign}${options.prefix ?? ''}${body}`;
}

function whole(value: number): bigint {
	return BigInt(Math.round(value));
}

/** Dollars from micro-dollars: `$222.48`, `−$3.10`. */
export function dollars(micros: number | null, options: { signed?: boolean; places?: number } = {}): string {
	if (micros === null) return UNKNOWN;
	return formatScaled(whole(micros), { scale: 6, places: options.places ?? 2, signed: options.signed ?? false, prefix: '$' });
}

/** Dollars without the sign of the currency, for a column headed `$`. */
export function plainDollars(micros: number | null): string {
	return micros === null ? UNKNOWN : formatScaled(whole(micros), { scale: 6, places: 2 });
}

/** Cents per contract from micro-dollars per contract: `+3.42`. */
export function cents(micros: number | null): string {
	return micros === null ? UNKNOWN : formatScaled(whole(micros), { scale: 4, places: 2, signed: true });
}

/** Contracts from micro-contracts: `412`, `12.5`; at most two places, none when whole. */
export function contracts(micros: number | null): string {
	if (micros === null) return UNKNOWN;
	return formatScaled(whole(micros), { scale: 6, places: 2 }).replace(/\.?0+$/, '');
}

/** Whole percent from parts per million; a yearly return above 999 % is `>999`. */
export function annualPercent(ppm: number | null): string {
	if (ppm === null) return UNKNOWN;
	const percent = Math.round(ppm / 10_000);
	return percent > 999 ? '>999%' : `${percent < 0 ? MINUS : ''}${Math.abs(percent)}%`;
}

/** One-decimal percent from parts per million, rounded down: 98.97 never reads 99.0. */
export function chancePercent(ppm: number | null): string {
	return ppm === null ? UNKNOWN : `${(Math.floor(ppm / 1_000) / 10).toFixed(1)}%`;
}

export function days(value: number | null): string {
	return value === null ? UNKNOWN : `${value}d`;
}

/** Seconds with one decimal from milliseconds. */
export function ageSeconds(ms: number | null): string {
	return ms === null ? UNKNOWN : (Math.max(0, ms) / 1000).toFixed(1);
}

/** Whole milliseconds of a latency. */
export function milliseconds(ms: number | null): string {
	return ms === null ? UNKNOWN : grouped(String(Math.round(ms)));
}

export function count(value: number | null): string {
	return value === null ? UNKNOWN : grouped(String(value));
}

/** Count in words short enough for a tile: 1.9 M, 12,400. */
export function shortCount(value: number): string {
	if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)} M`;
	return grouped(String(value));
}

interface Decimal {
	value: bigint;
	scale: number;
}

/** Parse an exact decimal string; null for anything else, never a guess. */
export function parseDecimal(text: string): Decimal | null {
	const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
	if (!match) return null;
	const fraction = match[3] ?? '';
	const magnitude = BigInt(`${match[2]}${fraction}`);
	return { value: match[1] === '-' ? -magnitude : magnitude, scale: fraction.length };
}

/** An exact decimal string as dollars; the exact value belongs into the title. */
export function decimalDollars(text: string | null, options: { signed?: boolean } = {}): string {
	if (text === null) return UNKNOWN;
	const decimal = parseDecimal(text);
	if (!decimal) return UNKNOWN;
	return formatScaled(decimal.value, { scale: decimal.scale, places: 2, signed: options.signed ?? false, prefix: '$' });
}

/** An exact decimal string with a fixed number of places. */
export function decimalFixed(text: string | null, places: number, options: { signed?: boolean } = {}): string {
	if (text === null) return UNKNOWN;
	const decimal = parseDecimal(text);
	if (!decimal) return UNKNOWN;
	return formatScaled(decimal.value, { scale: decimal.scale, places, signed: options.signed ?? false });
}

/** A price of dollars per contract as cents on the venue's own grid: 0.392 -> 39.20. */
export function priceCents(text: string | null): string {
	if (text === null) return UNKNOWN;
	const decimal = parseDecimal(text);
	if (!decimal) return UNKNOWN;
	return formatScaled(decimal.value * 100n, { scale: decimal.scale, places: Math.max(2, decimal.scale - 2) });
}

/** A quantity string without trailing zeros: 412.000000 -> 412. */
export function quantity(text: string | null): string {
	if (text === null) return UNKNOWN;
	const decimal = parseDecimal(text);
	if (!decimal) return UNKNOWN;
	const body = formatScaled(decimal.value, { scale: decimal.scale, places: decimal.scale });
	return body.includes('.') ? body.replace(/\.?0+$/, '') : body;
}

/** The sign of an exact decimal: -1, 0, 1; 0 for anything unreadable. */
export function signOf(text: string | null): number {
	const decimal = text === null ? null : parseDecimal(text);
	if (!decimal || decimal.value === 0n) return 0;
	return decimal.value < 0n ? -1 : 1;
}

/** Exact sum of decimal strings, or null when one of them is unreadable. */
export function sumDecimals(texts: string[]): Decimal | null {
	let total: Decimal = { value: 0n, scale: 0 };
	for (const text of texts) {
		const decimal = parseDecimal(text);
		if (!decimal) return null;
		const scale = Math.max(total.scale, decimal.scale);
		total = {
			value: total.value * 10n ** BigInt(scale - total.scale) + decimal.value * 10n ** BigInt(scale - decimal.scale),
			scale
		};
	}
	return total;
}

/** Whether two exact decimals are the same number. */
export function sameDecimal(a: Decimal, b: Decimal): boolean {
	const scale = Math.max(a.scale, b.scale);
	return a.value * 10n ** BigInt(scale - a.scale) === b.value * 10n ** BigInt(scale - b.scale);
}
