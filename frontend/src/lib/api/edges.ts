/** Which rows are tradeable, near misses or stale, and in which order rows stand. */

import { statusRank } from '$lib/format/gate';
import type { EdgeRow } from './merge';

/** A book older than this may not open a package; the row is shown as late. */
export const BOOK_LATE_MS = 2_000;
/** Past twice the limit every derived value is unknown. */
export const BOOK_STALE_MS = 4_000;
/** A near miss is positive and within one cent of the minimum, or above it and refused. */
export const NEAR_MISS_MICROS = 10_000;

export type Freshness = 'fresh' | 'late' | 'stale';

export function freshnessOf(ageMs: number | null): Freshness {
	if (ageMs === null || ageMs > BOOK_STALE_MS) return 'stale';
	return ageMs > BOOK_LATE_MS ? 'late' : 'fresh';
}

/**
 * Age of a row's older book now: its age in its snapshot, plus the server time that passed
 * until the newest snapshot, plus the lag of that one when it is late. Wall clocks of server
 * and browser are never subtracted from each other.
 */
export function ageNow(row: EdgeRow, latestAsOfNs: number, lagMs: number): number | null {
	if (row.ageMs === null) return null;
	return row.ageMs + Math.max(0, (latestAsOfNs - row.asOfNs) / 1e6) + lagMs;
}

export function isTradeable(row: EdgeRow, freshness: Freshness): boolean {
	return freshness === 'fresh' && (row.status === 'ready' || row.status === 'buying');
}

export function isNearMiss(row: EdgeRow, minimumMicros: number): boolean {
	const net = row.netMicros;
	if (net === null || net <= 0 || row.status === 'ready' || row.status === 'buying') return false;
	return net >= minimumMicros - NEAR_MISS_MICROS;
}

export const SORTS = ['net', 'pair', 'size', 'profit', 'year', 'lock', 'hedge', 'lead', 'age', 'status'] as const;
export type SortKey = (typeof SORTS)[number];
export type Direction = 'asc' | 'desc';

/** The direction a column starts with: the figure one looks for first. */
export const FIRST_DIRECTION: Record<SortKey, Direction> = {
	net: 'desc',
	pair: 'asc',
	size: 'desc',
	profit: 'desc',
	year: 'desc',
	lock: 'asc',
	hedge: 'desc',
	lead: 'asc',
	age: 'asc',
	status: 'asc'
};

type Key = number | string | null;

const KEYS: Record<SortKey, (row: EdgeRow) => Key> = {
	net: (row) => row.netMicros,
	pair: (row) => row.name.toLowerCase(),
	size: (row) => row.qtyMicros,
	profit: (row) => row.profitMicros,
	year: (row) => row.annualPpm,
	lock: (row) => row.lockDays,
	hedge: (row) => row.hedgePpm,
	lead: (row) => row.lead,
	age: (row) => (row.ageMs === null ? null : row.ageMs - row.asOfNs / 1e6),
	status: (row) => statusRank(row.status)
};

/** Rows in order; unknown values stand last in both directions, ties by name, then id. */
export function sortRows(rows: EdgeRow[], key: SortKey, direction: Direction, isStale: (row: EdgeRow) => boolean): EdgeRow[] {
	const sign = direction === 'asc' ? 1 : -1;
	const read = KEYS[key];
	const hidesStale = key === 'net' || key === 'profit' || key === 'year';
	const valued = rows.map((row) => ({ row, value: hidesStale && isStale(row) ? null : read(row) }));
	valued.sort((left, right) => {
		if (left.value !== right.value) {
			if (left.value === null) return 1;
			if (right.value === null) return -1;
			return left.value < right.value ? -sign : sign;
		}
		return left.row.name.localeCompare(right.row.name) || left.row.pairId.localeCompare(right.row.pairId);
	});
	return valued.map((item) => item.row);
}

/**
 * Keep the order a person is pointing at: known rows stay where they are, new ones go to the
 * end. Returns the held rows and how many of them stand elsewhere in the true order.
 */
export function holdOrder(sorted: EdgeRow[], heldIds: readonly string[]): { rows: EdgeRow[]; moved: number } {
	const byId = new Map(sorted.map((row) => [row.pairId, row]));
	const rows: EdgeRow[] = [];
	for (const id of heldIds) {
		const row = byId.get(id);
		if (!row) continue;
		rows.push(row);
		byId.delete(id);
	}
	rows.push(...byId.values());
	let moved = 0;
	rows.forEach((row, index) => {
		if (sorted[index] !== row) moved += 1;
	});
	return { rows, moved };
}

export function matchesText(row: EdgeRow, text: string): boolean {
	const needle = text.trim().toLowerCase();
	return needle === '' || `${row.name} ${row.category} ${row.pairId}`.toLowerCase().includes(needle);
}
