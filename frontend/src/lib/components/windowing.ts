/** Which rows of a long list with rows of one height are near the viewport. */

const OVERSCAN = 8;

export interface Range {
	from: number;
	/** Exclusive. */
	to: number;
}

/** `scrolled`: pixels of the list above the viewport; `viewHeight`: height of the viewport. */
export function visibleRange(rowCount: number, rowHeight: number, scrolled: number, viewHeight: number): Range {
	const first = Math.floor(scrolled / rowHeight) - OVERSCAN;
	const last = Math.ceil((scrolled + viewHeight) / rowHeight) + OVERSCAN;
	const from = Math.max(0, Math.min(first, Math.max(0, rowCount - 1)));
	return { from, to: Math.min(rowCount, Math.max(last, from)) };
}
