import { describe, expect, it } from 'vitest';
import { columnsFor } from './columns';
import { ageNow, freshnessOf, holdOrder, isNearMiss, isTradeable, matchesText, sortRows } from './edges';
import type { EdgeRow } from './merge';

function row(pairId: string, changes: Partial<EdgeRow> = {}): EdgeRow {
	return {
		pairId,
		name: pairId,
		venueA: 'kalshi',
		venueB: 'polymarket',
		buyA: 'yes',
		buyB: 'no',
		first: 'a',
		netMicros: 10_000,
		qtyMicros: 1_000_000,
		profitMicros: 10_000,
		annualPpm: 1,
		lockDays: 1,
		hedgePpm: 990_000,
		hedgeLowPpm: 970_000,
		lead: 'none',
		ageMs: 200,
		asOfNs: 1e9,
		status: 'EDGE_BELOW_MIN',
		gates: [],
		params: {},
		sparkMicros: [],
		category: 'sport',
		...changes
	};
}

const never = (): boolean => false;
const ids = (rows: EdgeRow[]): string[] => rows.map((item) => item.pairId);

describe('age of a row', () => {
	it('adds server time since its snapshot, and the lag of a late one', () => {
		expect(ageNow(row('a'), 1e9, 0)).toBe(200);
		expect(ageNow(row('a'), 4e9, 0)).toBe(3_200);
		expect(ageNow(row('a'), 4e9, 2_500)).toBe(5_700);
	});

	it('never grows younger when the server clock goes back, and stays unknown when unknown', () => {
		expect(ageNow(row('a'), 0, 0)).toBe(200);
		expect(ageNow(row('a', { ageMs: null }), 1e9, 0)).toBeNull();
	});

	it('is late past 2 s and stale past 4 s; unknown is stale', () => {
		expect(freshnessOf(2_000)).toBe('fresh');
		expect(freshnessOf(2_001)).toBe('late');
		expect(freshnessOf(4_001)).toBe('stale');
		expect(freshnessOf(null)).toBe('stale');
	});
});

describe('tradeable and near miss', () => {
	it('counts only fresh rows that pass every gate', () => {
		expect(isTradeable(row('a', { status: 'ready' }), 'fresh')).toBe(true);
		expect(isTradeable(row('a', { status: 'ready' }), 'late')).toBe(false);
		expect(isTradeable(row('a'), 'fresh')).toBe(false);
	});

	it('takes what is within one cent of the minimum, or above it and refused', () => {
		expect(isNearMiss(row('a', { netMicros: 15_000 }), 25_000)).toBe(true);
		expect(isNearMiss(row('a', { netMicros: 14_999 }), 25_000)).toBe(false);
		expect(isNearMiss(row('a', { netMicros: 40_000, status: 'PAIRS_FULL' }), 25_000)).toBe(true);
		expect(isNearMiss(row('a', { netMicros: 40_000, status: 'ready' }), 25_000)).toBe(false);
		expect(isNearMiss(row('a', { netMicros: -1 }), 5_000)).toBe(false);
		expect(isNearMiss(row('a', { netMicros: null }), 5_000)).toBe(false);
	});
});

describe('order of rows', () => {
	const rows = [row('low', { netMicros: 1 }), row('none', { netMicros: null }), row('high', { netMicros: 9 })];

	it('puts unknown last in both directions', () => {
		expect(ids(sortRows(rows, 'net', 'desc', never))).toEqual(['high', 'low', 'none']);
		expect(ids(sortRows(rows, 'net', 'asc', never))).toEqual(['low', 'high', 'none']);
	});

	it('treats the net of a stale row as unknown', () => {
		expect(ids(sortRows(rows, 'net', 'desc', (item) => item.pairId === 'high'))).toEqual(['low', 'high', 'none']);
	});

	it('sorts ages by what they are now, not by what they were', () => {
		const old = row('old', { ageMs: 100, asOfNs: 1e9 });
		const young = row('young', { ageMs: 900, asOfNs: 9e9 });
		expect(ids(sortRows([old, young], 'age', 'asc', never))).toEqual(['young', 'old']);
	});

	it('holds the order a person points at and says how many stand elsewhere', () => {
		const sorted = [row('c'), row('a'), row('b'), row('new')];
		const held = holdOrder(sorted, ['a', 'b', 'gone', 'c']);
		expect(ids(held.rows)).toEqual(['a', 'b', 'c', 'new']);
		expect(held.moved).toBe(3);
		expect(holdOrder(sorted, ['c', 'a', 'b', 'new']).moved).toBe(0);
	});
});

describe('filter and columns', () => {
	it('matches name and category, whatever the case', () => {
		expect(matchesText(row('CPI YoY'), ' cpi ')).toBe(true);
		expect(matchesText(row('x'), 'SPORT')).toBe(true);
		expect(matchesText(row('x'), 'zzz')).toBe(false);
	});

	it('drops columns by priority and never pair, buy, net and status', () => {
		expect(columnsFor(2_000)).toHaveLength(12);
		expect(columnsFor(1_170).map((column) => column.id)).not.toContain('lead');
		expect(columnsFor(300).map((column) => column.id)).toEqual(['pair', 'buy', 'net', 'status']);
	});
});
