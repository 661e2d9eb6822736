import { describe, expect, it } from 'vitest';
import { GATES } from '$lib/gates';
import { fillSentence, gateName, gateSentence, gateShort, gateThatFits, gateTone, statusRank } from './gate';

describe('gate sentences', () => {
	it('has a sentence, a short form and a severity for every code', () => {
		expect(Object.keys(GATES).length).toBeGreaterThanOrEqual(64);
		for (const [code, gate] of Object.entries(GATES)) {
			expect(gate.sentence, code).toMatch(/\.$/);
			expect(gate.short, code).not.toBe('');
			expect(['info', 'warn', 'critical'], code).toContain(gate.severity);
		}
	});

	it('puts the figures in', () => {
		expect(gateSentence('EDGE_BELOW_MIN', { x: '0.14', y: '2.50' })).toBe('0.14¢ below the 2.50¢ minimum.');
		expect(gateSentence('BOOK_STALE', { venue: 'kalshi', x: '4.7', y: '2.0' })).toBe('Kalshi book 4.7 s old, limit 2.0 s.');
	});

	it('shows a missing figure as unknown', () => {
		expect(fillSentence('{n} of {m} pairs', { n: '8' })).toBe('8 of ? pairs');
		expect(fillSentence('{n} left', { n: '' })).toBe('? left');
	});

	it('shows a code that this build does not know', () => {
		expect(gateSentence('SOMETHING_NEW', {})).toBe('Something new.');
		expect(gateShort('SOMETHING_NEW', {})).toBe('Something new');
		expect(gateName('HEDGE_CHANCE_LOW')).toBe('Hedge chance low');
		expect(gateTone('SOMETHING_NEW')).toBe('muted');
	});

	it('falls back to the short form where the sentence does not fit', () => {
		const params = { x: '97.1', y: '99.0' };
		expect(gateThatFits('HEDGE_CHANCE_LOW', params, 400)).toBe('Hedge chance 97.1 %, needs 99.0 %');
		expect(gateThatFits('HEDGE_CHANCE_LOW', params, 120)).toBe('Hedge 97.1 %');
	});

	it('ranks what trades first, then the gates nearest to trading', () => {
		const order = ['HALTED_GLOBAL', 'ready', 'EDGE_BELOW_MIN', 'buying'].sort((a, b) => statusRank(a) - statusRank(b));
		expect(order).toEqual(['buying', 'ready', 'EDGE_BELOW_MIN', 'HALTED_GLOBAL']);
	});
});
