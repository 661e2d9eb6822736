import { describe, expect, it } from 'vitest';
import { breakdownParts } from './breakdown';

const PARTS = {
	net: '3.4200',
	carry: '-0.2300',
	fee_b: '-1.1900',
	gross: '7.0000',
	fee_a: '-1.7400',
	slippage: '-0.3000',
	frictions: '-0.1200'
};

describe('breakdown of an edge', () => {
	it('shows an expected rebate beside the sum and counts it nowhere', () => {
		const { parts, isExact, expectedRebate } = breakdownParts({ ...PARTS, expected_rebate: '0.1' }, 'kalshi', 'polymarket');
		expect(expectedRebate).toBe('0.1');
		expect(isExact).toBe(true);
		expect(parts.map((part) => part.key)).not.toContain('expected_rebate');
	});

	it('goes from gross to net and adds up to the last digit', () => {
		const { parts, isExact } = breakdownParts(PARTS, 'kalshi', 'polymarket');
		expect(parts.map((part) => part.key)).toEqual(['gross', 'fee_a', 'fee_b', 'frictions', 'slippage', 'carry', 'net']);
		expect(parts[1]?.label).toBe('Fee Kalshi');
		expect(parts.at(-1)?.text).toBe('+3.42');
		expect(isExact).toBe(true);
	});

	it('says when it does not add up', () => {
		expect(breakdownParts({ ...PARTS, net: '3.4201' }, 'kalshi', 'polymarket').isExact).toBe(false);
		expect(breakdownParts({ gross: '1' }, 'kalshi', 'polymarket').isExact).toBeNull();
		expect(breakdownParts({}, 'kalshi', 'polymarket')).toEqual({ parts: [], isExact: null, expectedRebate: null });
	});

	it('counts a part that this build does not know, before the net', () => {
		const { parts, isExact } = breakdownParts({ ...PARTS, gross: '8', new_cost: '-1' }, 'kalshi', 'polymarket');
		expect(parts.map((part) => part.key).slice(-2)).toEqual(['new_cost', 'net']);
		expect(parts.at(-2)?.label).toBe('New cost');
		expect(isExact).toBe(true);
	});

	it('keeps every bar inside the width, losses too', () => {
		const { parts } = breakdownParts({ gross: '1.00', fee_a: '-2.00', net: '-1.00' }, 'kalshi', 'polymarket');
		for (const part of parts) {
			expect(part.from).toBeGreaterThanOrEqual(0);
			expect(part.to).toBeLessThanOrEqual(100.0001);
			expect(part.to).toBeGreaterThanOrEqual(part.from);
		}
	});
});
