import { describe, expect, it } from 'vitest';
import type { TimelineRow } from './api/contract';
import { axisTicks, layOut, placeLabels, spokenMark } from './timeline';

const START = 1_700_000_000_000_000_000;
const row = (ms: number, lane: string, kind: string, unhedged = 0): TimelineRow => ({
	ts_ns: START + ms * 1e6,
	lane,
	kind,
	text: `${kind} at ${ms}`,
	unhedged_micros: unhedged
});

const HEDGED = [
	row(-12, 'decision', 'tick'),
	row(0, 'decision', 'approved'),
	row(3, 'leg1', 'sent'),
	row(61, 'leg1', 'filled', 222),
	row(64, 'leg2', 'sent', 222),
	row(171, 'leg2', 'filled'),
	row(18_200, 'leg2', 'confirmed'),
	row(3_000_000, 'settlement', 'settled')
];

describe('layout of a package', () => {
	it('counts from the decision and keeps what came much later off the axis', () => {
		const layout = layOut(HEDGED);
		expect(Math.round(layout.marks[0]!.ms)).toBe(-12);
		expect(layout.marks.slice(layout.laterFrom).map((mark) => mark.kind)).toEqual(['confirmed', 'settled']);
		expect(layout.endMs).toBeLessThan(300);
		expect(layout.unhedgedMaxMicros).toBe(222);
	});

	it('draws a bar from sending to the answer', () => {
		const bars = layOut(HEDGED).bars.map((bar) => [bar.lane, Math.round(bar.fromMs), Math.round(bar.toMs), bar.isUnknown]);
		expect(bars).toEqual([
			['leg1', 3, 61, false],
			['leg2', 64, 171, false]
		]);
	});

	it('hatches an unknown leg until there is evidence, to the end when there is none', () => {
		const known = layOut([row(0, 'leg1', 'sent'), row(250, 'leg1', 'unknown'), row(900, 'leg1', 'filled')]);
		expect(known.bars.map((bar) => bar.isUnknown)).toEqual([false, true]);
		const open = layOut([row(0, 'leg1', 'sent'), row(250, 'leg1', 'unknown')]);
		expect(open.bars.at(-1)).toMatchObject({ isUnknown: true, toMs: open.endMs });
	});

	it('lets a sent order without an answer run on, an acknowledged one not', () => {
		const waiting = layOut([row(0, 'leg1', 'sent')]);
		expect(waiting.bars).toEqual([{ lane: 'leg1', fromMs: 0, toMs: waiting.endMs, isUnknown: false }]);
		const nothing = layOut([row(0, 'leg1', 'sent'), row(40, 'leg1', 'acked')]);
		expect(nothing.bars).toEqual([{ lane: 'leg1', fromMs: 0, toMs: 40, isUnknown: false }]);
	});

	it('sorts events and keeps the order of one moment', () => {
		const layout = layOut([row(5, 'leg1', 'filled'), row(0, 'leg1', 'sent'), row(5, 'leg2', 'sent')]);
		expect(layout.marks.map((mark) => mark.kind)).toEqual(['sent', 'filled', 'sent']);
	});

	it('survives a package without events and a lane it does not know', () => {
		expect(layOut([]).marks).toEqual([]);
		expect(layOut([row(0, 'leg9', 'note')]).marks[0]?.lane).toBe('decision');
	});
});

describe('axis and labels', () => {
	it('ticks in ones, twos and fives', () => {
		expect(axisTicks(190)).toEqual([0, 50, 100, 150]);
		expect(axisTicks(5_600)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
	});

	it('never lets two labels of a side overlap', () => {
		const marks = layOut([row(0, 'leg1', 'sent'), row(1, 'leg1', 'partial'), row(2, 'leg1', 'filled'), row(90, 'leg1', 'note')]).marks;
		const placed = placeLabels(marks, (ms) => 100 + ms * 4, 0, 900);
		expect(placed.map((item) => item.side)).toEqual([-1, 1, 0, -1]);
	});

	it('says an event in words', () => {
		const mark = layOut(HEDGED).marks[5]!;
		expect(spokenMark(mark, '$0.00')).toBe('Leg 2, plus 171 ms, filled at 171, unhedged now $0.00');
	});
});
