import { describe, expect, it } from 'vitest';
import { visibleRange } from './windowing';

describe('windowed rows', () => {
	it('keeps at most the view and its margins', () => {
		const range = visibleRange(1_000, 32, 3_200, 900);
		expect(range.from).toBe(92);
		expect(range.to - range.from).toBeLessThanOrEqual(80);
	});

	it('starts at the first row and ends at the last', () => {
		expect(visibleRange(1_000, 32, 0, 900).from).toBe(0);
		expect(visibleRange(10, 32, 0, 900)).toEqual({ from: 0, to: 10 });
		expect(visibleRange(0, 32, 0, 900)).toEqual({ from: 0, to: 0 });
	});

	it('stays inside a list that became shorter than the scroll', () => {
		const range = visibleRange(5, 32, 9_000, 900);
		expect(range.from).toBeLessThan(5);
		expect(range.to).toBe(5);
	});
});
