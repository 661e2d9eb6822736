import { describe, expect, it } from 'vitest';
import {
	ageSeconds,
	annualPercent,
	cents,
	chancePercent,
	contracts,
	decimalDollars,
	decimalFixed,
	dollars,
	parseDecimal,
	plainDollars,
	priceCents,
	quantity,
	sameDecimal,
	shortCount,
	signOf,
	sumDecimals
} from './number';

describe('micro-units', () => {
	it('shows dollars with two places, the sign before the currency', () => {
		expect(dollars(222_480_000)).toBe('$222.48');
		expect(dollars(-3_104_400)).toBe('\u2212$3.10');
		expect(dollars(18_412_204, { signed: true })).toBe('+$18.41');
		expect(dollars(8_119_004_417, { places: 0 })).toBe('$8,119');
		expect(plainDollars(14_090_400)).toBe('14.09');
	});

	it('keeps unknown apart from zero', () => {
		expect(dollars(null)).toBe('?');
		expect(cents(null)).toBe('?');
		expect(contracts(null)).toBe('?');
		expect(dollars(0)).toBe('$0.00');
	});

	it('never signs a value that rounds to zero', () => {
		expect(cents(-40)).toBe('0.00');
		expect(cents(40)).toBe('0.00');
		expect(dollars(-4_000, { signed: true })).toBe('$0.00');
	});

	it('rounds cents half away from zero and signs them always', () => {
		expect(cents(34_150)).toBe('+3.42');
		expect(cents(-34_150)).toBe('\u22123.42');
		expect(cents(34_149)).toBe('+3.41');
	});

	it('shows contracts without needless places', () => {
		expect(contracts(412_000_000)).toBe('412');
		expect(contracts(400_000_000)).toBe('400');
		expect(contracts(12_500_000)).toBe('12.5');
		expect(contracts(1_234_567_000_000)).toBe('1,234,567');
		expect(contracts(0)).toBe('0');
	});
});

describe('ratios', () => {
	it('rounds the hedge chance down, so that 98.97 never reads 99.0', () => {
		expect(chancePercent(989_700)).toBe('98.9%');
		expect(chancePercent(990_000)).toBe('99.0%');
		expect(chancePercent(null)).toBe('?');
	});

	it('caps the yearly return', () => {
		expect(annualPercent(620_000)).toBe('62%');
		expect(annualPercent(99_900_000)).toBe('>999%');
		expect(annualPercent(-120_000)).toBe('\u221212%');
	});

	it('shows ages in seconds and large counts in millions', () => {
		expect(ageSeconds(4_700)).toBe('4.7');
		expect(ageSeconds(null)).toBe('?');
		expect(shortCount(1_912_400)).toBe('1.9 M');
		expect(shortCount(41)).toBe('41');
	});
});

describe('exact decimal strings', () => {
	it('keeps the grid of the venue in a price', () => {
		expect(priceCents('0.392')).toBe('39.20');
		expect(priceCents('0.54')).toBe('54.00');
		expect(priceCents('0.5475')).toBe('54.75');
		expect(priceCents('0.54755')).toBe('54.755');
		expect(priceCents('1')).toBe('100.00');
		expect(priceCents(null)).toBe('?');
	});

	it('shows money and quantities', () => {
		expect(decimalDollars('2310.440000')).toBe('$2,310.44');
		expect(decimalDollars('-3.104400', { signed: true })).toBe('\u2212$3.10');
		expect(decimalFixed('0.2000', 2)).toBe('0.20');
		expect(quantity('412.000000')).toBe('412');
		expect(quantity('100')).toBe('100');
		expect(quantity('7.575758')).toBe('7.575758');
	});

	it('treats an unreadable figure as unknown', () => {
		expect(parseDecimal('1e5')).toBeNull();
		expect(parseDecimal('NaN')).toBeNull();
		expect(decimalDollars('n/a')).toBe('?');
		expect(signOf('abc')).toBe(0);
	});

	it('sums without losing a digit', () => {
		const sum = sumDecimals(['7.0000', '-1.74', '-1.19', '-0.12', '-0.30', '-0.23']);
		expect(sum).not.toBeNull();
		expect(sameDecimal(sum!, parseDecimal('3.42')!)).toBe(true);
		expect(sameDecimal(sum!, parseDecimal('3.4200001')!)).toBe(false);
		expect(sumDecimals(['1', 'x'])).toBeNull();
	});
});
