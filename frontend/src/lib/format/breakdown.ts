/**
 * The parts of a net edge, in the order in which they are taken off, exact to the last digit.
 * Values are cents per contract as decimal strings; costs come negative from the API.
 */

import { decimalFixed, parseDecimal, sameDecimal, signOf, sumDecimals } from './number';
import { venueName } from './words';

/** What stands beside the sum: shown, never counted. */
const ASIDE = 'expected_rebate';
const ORDER = ['gross', 'fee_a', 'fee_b', 'frictions', 'slippage', 'carry', 'divergence', 'net'];

export interface Part {
	key: string;
	label: string;
	text: string;
	exact: string;
	isCost: boolean;
	/** Ends of the bar, in percent of the width. */
	from: number;
	to: number;
}

export interface Breakdown {
	parts: Part[];
	/** Whether the parts sum to `net`; null when there is nothing to compare. */
	isExact: boolean | null;
	/** Rebate that may come back later, exact cents; null when none is expected. */
	expectedRebate: string | null;
}

function labelOf(key: string, venueA: string, venueB: string): string {
	const labels: Record<string, string> = {
		gross: 'Gross edge',
		fee_a: `Fee ${venueName(venueA)}`,
		fee_b: `Fee ${venueName(venueB)}`,
		frictions: 'Gas and transfers',
		slippage: 'Slippage',
		carry: 'Cost of capital',
		divergence: 'Divergence charge',
		net: 'Net edge'
	};
	const words = key.replaceAll('_', ' ');
	return labels[key] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

function approximate(text: string): number {
	return Number.parseFloat(text) || 0;
}

export function breakdownParts(breakdown: Record<string, string>, venueA: string, venueB: string): Breakdown {
	const rank = (key: string): number => (ORDER.indexOf(key) + ORDER.length) % ORDER.length;
	const keys = Object.keys(breakdown).filter((key) => key !== ASIDE && parseDecimal(breakdown[key]!) !== null);
	const known = keys.filter((key) => ORDER.includes(key)).sort((a, b) => rank(a) - rank(b));
	const extra = keys.filter((key) => !ORDER.includes(key));
	const ordered = [...known.filter((key) => key !== 'net'), ...extra, ...known.filter((key) => key === 'net')];

	const spans: [number, number][] = [];
	let running = 0;
	for (const key of ordered) {
		const value = approximate(breakdown[key]!);
		spans.push(key === 'net' ? [0, value] : [running, running + value]);
		if (key !== 'net') running += value;
	}
	const low = Math.min(0, ...spans.flat());
	const high = Math.max(0.01, ...spans.flat());
	const percent = (value: number): number => ((value - low) / (high - low)) * 100;

	const parts = ordered.map((key, index): Part => {
		const [start, end] = spans[index]!;
		const exact = breakdown[key]!;
		return {
			key,
			label: labelOf(key, venueA, venueB),
			text: decimalFixed(exact, 2, { signed: true }),
			exact,
			isCost: signOf(exact) < 0,
			from: percent(Math.min(start, end)),
			to: percent(Math.max(start, end))
		};
	});
	return { parts, isExact: addsUp(breakdown, ordered), expectedRebate: breakdown[ASIDE] ?? null };
}

function addsUp(breakdown: Record<string, string>, ordered: string[]): boolean | null {
	const net = breakdown['net'] === undefined ? null : parseDecimal(breakdown['net']);
	if (net === null || ordered.length < 2) return null;
	const total = sumDecimals(ordered.filter((key) => key !== 'net').map((key) => breakdown[key]!));
	return total !== null && sameDecimal(total, net);
}
