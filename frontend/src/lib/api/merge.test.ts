import { describe, expect, it } from 'vitest';
import type { LiveSnapshot } from './contract';
import { canMerge, mergeEdges, type Edges } from './merge';

interface Row {
	id: string;
	net: number | null;
}

function snapshot(seq: number, rows: Row[], options: { isDelta?: boolean; removed?: string[] } = {}): LiveSnapshot {
	const each = <T>(value: T): T[] => rows.map(() => value);
	return {
		seq,
		as_of_ns: seq * 1e9,
		is_delta: options.isDelta ?? false,
		mode: 'paper_sim',
		badge: 'PAPER',
		is_trading: true,
		trader_age_ms: 0,
		lease_epoch: 1,
		config_version: 1,
		min_net_edge_micros: 25_000,
		venues: [],
		halts: [],
		packages: { open: 0, hedged: 0, flat: 0, stuck: 0 },
		open_packages: [],
		unhedged_micros: 0,
		realised_today_micros: 0,
		expected_locked_micros: 0,
		capital_free_micros: 0,
		ledger_sum: '0',
		checks_today: 0,
		near_misses_today: 0,
		fills_seq: 0,
		edges: {
			pair_id: rows.map((row) => row.id),
			name: rows.map((row) => row.id.toUpperCase()),
			venue_a: each('kalshi'),
			venue_b: each('polymarket'),
			buy_a: each('yes'),
			buy_b: each('no'),
			first: each('a'),
			net_micros: rows.map((row) => row.net),
			qty_micros: each(1),
			profit_micros: each(1),
			annual_ppm: each(1),
			lock_days: each(1),
			hedge_ppm: each(1),
			hedge_low_ppm: each(1),
			lead: each('none'),
			age_ms: each(100),
			status: each('EDGE_BELOW_MIN'),
			gates: each(['EDGE_BELOW_MIN']),
			params: each({}),
			spark_micros: each([1, 2]),
			categories: each('sport'),
			removed: options.removed ?? []
		}
	};
}

const EMPTY: Edges = new Map();

describe('merging snapshots', () => {
	it('takes a whole snapshot as it is', () => {
		const before = mergeEdges(EMPTY, snapshot(1, [{ id: 'a', net: 1 }]));
		const after = mergeEdges(before, snapshot(2, [{ id: 'b', net: 2 }]));
		expect([...after.keys()]).toEqual(['b']);
	});

	it('changes only the rows a delta lists and keeps the others as the same objects', () => {
		const before = mergeEdges(EMPTY, snapshot(1, [{ id: 'a', net: 1 }, { id: 'b', net: 2 }]));
		const after = mergeEdges(before, snapshot(2, [{ id: 'b', net: 5 }, { id: 'c', net: null }], { isDelta: true }));
		expect(after.get('a')).toBe(before.get('a'));
		expect(after.get('b')?.netMicros).toBe(5);
		expect(after.get('c')?.netMicros).toBeNull();
		expect(before.get('b')?.netMicros).toBe(2);
	});

	it('remembers when each row was last heard', () => {
		const before = mergeEdges(EMPTY, snapshot(1, [{ id: 'a', net: 1 }, { id: 'b', net: 2 }]));
		const after = mergeEdges(before, snapshot(3, [{ id: 'b', net: 5 }], { isDelta: true }));
		expect(after.get('a')?.asOfNs).toBe(1e9);
		expect(after.get('b')?.asOfNs).toBe(3e9);
	});

	it('drops removed pairs, and keeps one that left and came back in the same answer', () => {
		const before = mergeEdges(EMPTY, snapshot(1, [{ id: 'a', net: 1 }, { id: 'b', net: 2 }]));
		const gone = mergeEdges(before, snapshot(2, [], { isDelta: true, removed: ['a'] }));
		expect([...gone.keys()]).toEqual(['b']);
		const back = mergeEdges(before, snapshot(2, [{ id: 'a', net: 9 }], { isDelta: true, removed: ['a'] }));
		expect(back.get('a')?.netMicros).toBe(9);
	});

	it('refuses a delta that does not follow what is on the page', () => {
		expect(canMerge(null, snapshot(5, [], { isDelta: true }))).toBe(false);
		expect(canMerge(9, snapshot(5, [], { isDelta: true }))).toBe(false);
		expect(canMerge(4, snapshot(5, [], { isDelta: true }))).toBe(true);
		expect(canMerge(9, snapshot(5, []))).toBe(true);
	});
});
