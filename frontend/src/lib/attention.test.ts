import { describe, expect, it } from 'vitest';
import type { LiveSnapshot } from './api/contract';
import { attention } from './attention';

const CALM = {
	packages: { open: 0, hedged: 2, flat: 0, stuck: 0 },
	ledger_sum: '0.000000',
	halts: [],
	venues: [{ name: 'kalshi', state: 'live', halted_reason: null }]
} as unknown as LiveSnapshot;

describe('what needs a look', () => {
	it('is nothing when all is well', () => {
		expect(attention(CALM)).toEqual([]);
	});

	it('names stuck packages, an unbalanced ledger and a halt, worst first', () => {
		const items = attention({
			...CALM,
			packages: { open: 1, hedged: 2, flat: 0, stuck: 1 },
			ledger_sum: '-0.010000',
			halts: [{ scope: 'venue:kalshi', reason: 'feed_stale', actor: 'trader', since_ns: 1, lift: 'auto', is_freeze: false, note: '' }]
		});
		expect(items.map((item) => item.title)).toEqual([
			'1 package is stuck',
			'The ledger sums to -0.010000 dollars, not to zero',
			'Kalshi halted by trader: feed older than its limit'
		]);
		expect(items[2]?.detail).toContain('goes on by itself');
	});

	it('says a venue once when it is halted', () => {
		const snapshot = { ...CALM, venues: [{ ...CALM.venues[0]!, state: 'down' as const }] };
		expect(attention(snapshot).map((item) => item.title)).toEqual(['Kalshi is down']);
		const halt = { scope: 'venue:kalshi', reason: 'operator', actor: 'operator', since_ns: 1, lift: 'discord' as const, is_freeze: false, note: '' };
		expect(attention({ ...snapshot, halts: [halt] })).toHaveLength(1);
	});
});
