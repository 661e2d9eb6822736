import { describe, expect, it } from 'vitest';
import { haltCause, haltEnd, haltScope, isFinished, packageState, shortMarket, spoken, venueLetter, venueName } from './words';

describe('words', () => {
	it('names venues, and shows one it does not know as it is', () => {
		expect(venueName('polymarket_us')).toBe('Polymarket US');
		expect(venueLetter('kalshi')).toBe('K');
		expect(venueName('newvenue')).toBe('newvenue');
		expect(venueLetter('newvenue')).toBe('N');
	});

	it('has a sentence for every package state and for one it does not know', () => {
		expect(packageState('hedged_prov').text).toBe('Hedged, provisional');
		expect(packageState('leg1_unknown')).toMatchObject({ tone: 'warn', icon: 'unknown' });
		expect(packageState('some_new_state').text).toBe('Some new state');
		expect(isFinished('settled')).toBe(true);
		expect(isFinished('hedged')).toBe(false);
	});

	it('says what is halted, why, and how it ends', () => {
		expect(haltScope('global')).toBe('All trading');
		expect(haltScope('venue:kalshi')).toBe('Kalshi');
		expect(haltScope('pair:a:b')).toBe('pair a:b');
		expect(haltCause('operator', '')).toBe('');
		expect(haltCause('operator', 'operator')).toBe('');
		expect(haltCause('feed_stale', '3 s')).toBe(': feed older than its limit, 3 s');
		expect(haltEnd('auto', 'global').command).toBeNull();
		expect(haltEnd('password', 'global').command).toBe('twinleg resume global --reason …');
	});

	it('shortens a long market id in the middle and turns codes into words', () => {
		expect(shortMarket('kalshi:KXGDP-26NOV-T2.5')).toBe('kalshi:KXGDP-26NOV-T2.5');
		expect(shortMarket(`polymarket:0x${'ab'.repeat(32)}`)).toBe('polymarket:0xababababa…abababab');
		expect(spoken('CLAUSE_NO_DATA: only one side says: no')).toBe('Clause no data: only one side says: no');
	});
});
