/** Rows of the live table from the snapshot's columns, and how a delta changes them. */

import type { EdgeColumns, LiveSnapshot } from './contract';

/** One pair as the table shows it. A new object per change, so that identity means "unchanged". */
export interface EdgeRow {
	pairId: string;
	name: string;
	venueA: string;
	venueB: string;
	buyA: string | null;
	buyB: string | null;
	first: string | null;
	netMicros: number | null;
	qtyMicros: number | null;
	profitMicros: number | null;
	annualPpm: number | null;
	lockDays: number | null;
	hedgePpm: number | null;
	/** 5 % bound of the hedge chance. */
	hedgeLowPpm: number | null;
	lead: string | null;
	/** Age of the older book when the snapshot of `asOfNs` was written. */
	ageMs: number | null;
	asOfNs: number;
	status: string;
	gates: string[];
	params: Record<string, string>;
	sparkMicros: number[];
	category: string;
}

export type Edges = ReadonlyMap<string, EdgeRow>;

function rowAt(columns: EdgeColumns, index: number, asOfNs: number): EdgeRow {
	return {
		pairId: columns.pair_id[index]!,
		name: columns.name[index] ?? columns.pair_id[index]!,
		venueA: columns.venue_a[index] ?? '',
		venueB: columns.venue_b[index] ?? '',
		buyA: columns.buy_a[index] ?? null,
		buyB: columns.buy_b[index] ?? null,
		first: columns.first[index] ?? null,
		netMicros: columns.net_micros[index] ?? null,
		qtyMicros: columns.qty_micros[index] ?? null,
		profitMicros: columns.profit_micros[index] ?? null,
		annualPpm: columns.annual_ppm[index] ?? null,
		lockDays: columns.lock_days[index] ?? null,
		hedgePpm: columns.hedge_ppm[index] ?? null,
		hedgeLowPpm: columns.hedge_low_ppm?.[index] ?? null,
		lead: columns.lead[index] ?? null,
		ageMs: columns.age_ms[index] ?? null,
		asOfNs,
		status: columns.status[index] ?? '',
		gates: columns.gates[index] ?? [],
		params: columns.params[index] ?? {},
		sparkMicros: columns.spark_micros[index] ?? [],
		category: columns.categories[index] ?? ''
	};
}

/**
 * The rows after a snapshot. A whole snapshot replaces everything; a delta replaces the rows
 * it lists, drops the `removed` ones and keeps the rest as the very same objects.
 */
export function mergeEdges(previous: Edges, snapshot: LiveSnapshot): Edges {
	const next = new Map(snapshot.is_delta ? previous : []);
	const columns = snapshot.edges;
	for (const pairId of columns.removed) next.delete(pairId);
	for (let index = 0; index < columns.pair_id.length; index += 1) {
		const row = rowAt(columns, index, snapshot.as_of_ns);
		next.set(row.pairId, row);
	}
	return next;
}

/**
 * Whether a delta may be merged: only onto a snapshot it can follow. A sequence that went
 * back means that the trader started anew; then the page asks for everything.
 */
export function canMerge(previousSeq: number | null, snapshot: LiveSnapshot): boolean {
	return !snapshot.is_delta || (previousSeq !== null && snapshot.seq >= previousSeq);
}
