/** Columns of the edges table and which of them fit into a given width. */

import type { SortKey } from './edges';

export interface Column {
	id: 'pair' | 'buy' | 'net' | 'spark' | 'size' | 'profit' | 'year' | 'lock' | 'hedge' | 'lead' | 'age' | 'status';
	label: string;
	/** What the column means and its unit, for the header's title. */
	meaning: string;
	width: number;
	isNumber: boolean;
	sort: SortKey | null;
}

export const COLUMNS: readonly Column[] = [
	{ id: 'pair', label: 'Pair', meaning: 'Subject, relation and window of the question', width: 240, isNumber: false, sort: 'pair' },
	{ id: 'buy', label: 'Buy', meaning: 'What the better package buys; the first named goes first', width: 124, isNumber: false, sort: null },
	{ id: 'net', label: 'Net ¢', meaning: 'Net edge, cents per contract, after fees, frictions, slippage and carry', width: 72, isNumber: true, sort: 'net' },
	{ id: 'spark', label: '10 min', meaning: 'Net edge of the last ten minutes; dashed: the minimum', width: 80, isNumber: false, sort: null },
	{ id: 'size', label: 'Size', meaning: 'Contracts that clear the minimum', width: 62, isNumber: true, sort: 'size' },
	{ id: 'profit', label: 'Profit $', meaning: 'Expected profit at this size, dollars', width: 74, isNumber: true, sort: 'profit' },
	{ id: 'year', label: '/yr', meaning: 'Return a year at worst-case settlement', width: 58, isNumber: true, sort: 'year' },
	{ id: 'lock', label: 'Lock', meaning: 'Days until worst-case settlement', width: 54, isNumber: true, sort: 'lock' },
	{ id: 'hedge', label: 'Hedge', meaning: 'Chance that the second leg completes', width: 66, isNumber: true, sort: 'hedge' },
	{ id: 'lead', label: 'Lead', meaning: 'Venue whose price moves first, and by how much', width: 64, isNumber: false, sort: 'lead' },
	{ id: 'age', label: 'Age s', meaning: 'Age of the older of the two books, seconds', width: 60, isNumber: true, sort: 'age' },
	{ id: 'status', label: 'Status', meaning: 'What it does, or the first reason why it is not traded', width: 250, isNumber: false, sort: 'status' }
];

/** What goes first as the width shrinks; Pair, Buy, Net and Status never do. */
const DROPS: readonly Column['id'][] = ['lead', 'lock', 'spark', 'hedge', 'year', 'age', 'profit', 'size'];

/** The columns that fit, in their order. */
export function columnsFor(width: number): Column[] {
	const dropped = new Set<string>();
	let needed = COLUMNS.reduce((sum, column) => sum + column.width, 0);
	for (const id of DROPS) {
		if (needed <= width) break;
		dropped.add(id);
		needed -= COLUMNS.find((column) => column.id === id)!.width;
	}
	return COLUMNS.filter((column) => !dropped.has(column.id));
}
