import { describe, expect, it } from 'vitest';
import { clockTime, dayAndTime, dayReset, duration, offset, utcExact, zoneName } from './time';

const NS = 1e6;
const AT = Date.UTC(2025, 9, 26, 0, 30, 15, 118) * NS;

describe('moments', () => {
	it('shows UTC on demand, to the millisecond when asked', () => {
		expect(clockTime(AT, 'utc')).toBe('00:30:15');
		expect(clockTime(AT, 'utc', true)).toBe('00:30:15.118');
		expect(utcExact(AT)).toBe('2025-10-26 00:30:15.118 UTC');
		expect(zoneName('utc', new Date())).toBe('UTC');
	});

	it('names the day when it is not today', () => {
		const now = Date.UTC(2025, 9, 27, 9, 0, 0);
		expect(dayAndTime(AT, 'utc', now)).toBe('26 Oct 00:30:15');
		expect(dayAndTime(now * NS, 'utc', now)).toBe('09:00:00');
	});

	it('says when the day figures start anew', () => {
		expect(dayReset('utc', new Date())).toBe('since 00:00 UTC');
	});
});

describe('lengths of time', () => {
	it('uses one unit, rounded down', () => {
		expect(duration(3_900)).toBe('3 s');
		expect(duration(125_000)).toBe('2 min');
		expect(duration(7_300_000)).toBe('2 h');
		expect(duration(200_000_000)).toBe('2 d');
		expect(duration(-5)).toBe('0 s');
	});

	it('writes offsets with their sign', () => {
		expect(offset(61)).toBe('+61 ms');
		expect(offset(-12)).toBe('\u221212 ms');
		expect(offset(0.2)).toBe('0 ms');
		expect(offset(18_200)).toBe('+18.2 s');
		expect(offset(120_000)).toBe('+2 min');
	});
});
