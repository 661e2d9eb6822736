/**
 * One package's events laid out on a linear axis. Everything that happened at once is on the
 * axis; what came much later (confirmation on chain, settlement) goes into a gutter and is
 * never squashed into it.
 */

import type { TimelineRow } from './api/contract';
import { offset } from './format/time';

export type Lane = 'decision' | 'leg1' | 'leg2' | 'settlement';

export interface Mark {
	/** Index into the sorted events. */
	index: number;
	lane: Lane;
	kind: string;
	text: string;
	/** Milliseconds after the decision. */
	ms: number;
	unhedgedMicros: number;
}

export interface Bar {
	lane: Lane;
	fromMs: number;
	toMs: number;
	/** The order may or may not exist: hatched, never called refused. */
	isUnknown: boolean;
}

export interface Layout {
	zeroNs: number;
	marks: Mark[];
	/** Index of the first mark in the gutter; equals the length when there is none. */
	laterFrom: number;
	bars: Bar[];
	startMs: number;
	endMs: number;
	ticks: number[];
	unhedgedMaxMicros: number;
}

const LANES = new Set<string>(['decision', 'leg1', 'leg2', 'settlement']);
const ANSWERS = new Set(['acked', 'partial', 'filled', 'matched', 'refused', 'failed', 'confirmed', 'unwind']);
/** After these the order may still say more, but nothing is owed: no bar runs on to the end. */
const HALF_ANSWERS = new Set(['acked', 'matched', 'partial']);
const LONG_GAP_MS = 1_500;

function laneOf(row: TimelineRow): Lane {
	if (LANES.has(row.lane)) return row.lane as Lane;
	return 'decision';
}

/** Sort by time; events of one moment keep the order the API gave. */
function sortedRows(rows: readonly TimelineRow[]): TimelineRow[] {
	return rows
		.map((row, order) => ({ row, order }))
		.sort((a, b) => a.row.ts_ns - b.row.ts_ns || a.order - b.order)
		.map((item) => item.row);
}

/** The first event after a gap that is long both absolutely and against what went before. */
function firstLater(marks: readonly Mark[]): number {
	for (let index = 1; index < marks.length; index += 1) {
		const elapsed = marks[index - 1]!.ms;
		const gap = marks[index]!.ms - elapsed;
		if (marks[index]!.lane === 'settlement' && gap > LONG_GAP_MS) return index;
		if (elapsed >= 0 && gap > Math.max(LONG_GAP_MS, 3 * elapsed)) return index;
	}
	return marks.length;
}

function barsOf(marks: readonly Mark[], endMs: number): Bar[] {
	const bars: Bar[] = [];
	for (const lane of ['leg1', 'leg2'] as const) {
		let waiting: { fromMs: number; isUnknown: boolean; isOwed: boolean } | null = null;
		for (const mark of marks) {
			if (mark.lane !== lane) continue;
			const isAnswer = ANSWERS.has(mark.kind);
			if (waiting !== null && (isAnswer || mark.kind === 'unknown' || mark.kind === 'retry')) {
				bars.push({ lane, fromMs: waiting.fromMs, toMs: mark.ms, isUnknown: waiting.isUnknown });
				waiting = null;
			}
			const isSent = mark.kind === 'sent' || mark.kind === 'retry' || mark.kind === 'unwind';
			if (isSent) waiting = { fromMs: mark.ms, isUnknown: false, isOwed: true };
			if (mark.kind === 'unknown') waiting = { fromMs: mark.ms, isUnknown: true, isOwed: true };
			if (HALF_ANSWERS.has(mark.kind)) waiting = { fromMs: mark.ms, isUnknown: false, isOwed: false };
		}
		if (waiting?.isOwed) bars.push({ lane, fromMs: waiting.fromMs, toMs: endMs, isUnknown: waiting.isUnknown });
	}
	return bars;
}

/** Steps of 1, 2 or 5 times a power of ten; about `wanted` of them between 0 and the end. */
export function axisTicks(endMs: number, wanted = 6): number[] {
	const raw = Math.max(endMs, 1) / wanted;
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? 10 * power;
	const ticks: number[] = [];
	for (let at = 0; at <= endMs; at += step) ticks.push(Math.round(at * 1000) / 1000);
	return ticks;
}

export function layOut(rows: readonly TimelineRow[]): Layout {
	const ordered = sortedRows(rows);
	const zero = ordered.find((row) => row.kind === 'approved') ?? ordered[0];
	const zeroNs = zero?.ts_ns ?? 0;
	const marks = ordered.map(
		(row, index): Mark => ({
			index,
			lane: laneOf(row),
			kind: row.kind,
			text: row.text,
			ms: (row.ts_ns - zeroNs) / 1e6,
			unhedgedMicros: row.unhedged_micros
		})
	);
	const laterFrom = firstLater(marks);
	const near = marks.slice(0, laterFrom);
	const last = near.at(-1)?.ms ?? 0;
	const endMs = Math.max(10, last * 1.12);
	return {
		zeroNs,
		marks,
		laterFrom,
		bars: barsOf(near, endMs),
		startMs: Math.min(-endMs * 0.04, ...near.map((mark) => mark.ms)),
		endMs,
		ticks: axisTicks(endMs),
		unhedgedMaxMicros: Math.max(0, ...marks.map((mark) => mark.unhedgedMicros))
	};
}

const LANE_WORDS: Record<Lane, string> = { decision: 'Decision', leg1: 'Leg 1', leg2: 'Leg 2', settlement: 'Settlement' };

export function laneWord(lane: Lane): string {
	return LANE_WORDS[lane];
}

/** What a screen reader hears when the scrubber reaches an event. */
export function spokenMark(mark: Mark, unhedged: string): string {
	const when = offset(mark.ms).replace('+', 'plus ').replace('\u2212', 'minus ');
	return `${laneWord(mark.lane)}, ${when}, ${mark.text}, unhedged now ${unhedged}`;
}

export interface Placed {
	mark: Mark;
	x: number;
	/** -1 above the lane, 1 below it, 0 when there is no room: the table still has the text. */
	side: -1 | 0 | 1;
	anchor: 'start' | 'middle' | 'end';
}

const CHARACTER_WIDTH = 6.4;
const LABEL_GAP = 10;

/** Place one lane's labels without overlaps, earlier events first, above before below. */
export function placeLabels(marks: readonly Mark[], xOf: (ms: number) => number, left: number, right: number): Placed[] {
	const taken: Record<-1 | 1, number> = { [-1]: left - LABEL_GAP, [1]: left - LABEL_GAP };
	return marks.map((mark): Placed => {
		const x = xOf(mark.ms);
		const width = mark.text.length * CHARACTER_WIDTH;
		let anchor: Placed['anchor'] = 'middle';
		let from = x - width / 2;
		if (from < left) [anchor, from] = ['start', x];
		if (from + width > right) [anchor, from] = ['end', x - width];
		for (const side of [-1, 1] as const) {
			if (from < taken[side] + LABEL_GAP) continue;
			taken[side] = from + width;
			return { mark, x, side, anchor };
		}
		return { mark, x, side: 0, anchor };
	});
}
