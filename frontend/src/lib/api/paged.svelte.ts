/** A cursor-paged list: first page, older pages, refresh without losing what was loaded. */

import { ApiError } from './client';
import { session } from './session.svelte';

interface Page<Row> {
	rows: Row[];
	next_cursor: string | null;
}

export class PagedList<Row, P extends Page<Row>> {
	rows = $state.raw<Row[]>([]);
	/** The newest first page, with its sums. */
	first = $state.raw<P | null>(null);
	cursor = $state<string | null>(null);
	isLoading = $state(false);
	problem = $state.raw<ApiError | null>(null);

	readonly #fetch: (cursor: string | null) => Promise<P>;
	readonly #key: (row: Row) => string;
	#generation = 0;

	constructor(fetch: (cursor: string | null) => Promise<P>, key: (row: Row) => string) {
		this.#fetch = fetch;
		this.#key = key;
	}

	/** Forget everything and load the first page. */
	async reset(): Promise<void> {
		this.rows = [];
		this.first = null;
		this.cursor = null;
		await this.refresh();
	}

	/** Load the newest page and put it before the rows already there. */
	async refresh(): Promise<void> {
		await this.#load(null, (page) => {
			const isFirst = this.first === null;
			const fresh = new Set(page.rows.map(this.#key));
			const kept = this.rows.filter((row) => !fresh.has(this.#key(row)));
			const joins = kept.length > 0 && kept.length < this.rows.length;
			this.rows = joins ? [...page.rows, ...kept] : page.rows;
			if (isFirst || !joins) this.cursor = page.next_cursor;
			this.first = page;
		});
	}

	/** Load the page after the last one. */
	async older(): Promise<void> {
		if (this.cursor === null || this.isLoading) return;
		await this.#load(this.cursor, (page) => {
			const known = new Set(this.rows.map(this.#key));
			this.rows = [...this.rows, ...page.rows.filter((row) => !known.has(this.#key(row)))];
			this.cursor = page.next_cursor;
		});
	}

	async #load(cursor: string | null, accept: (page: P) => void): Promise<void> {
		const generation = (this.#generation += 1);
		this.isLoading = true;
		try {
			const page = await this.#fetch(cursor);
			if (generation !== this.#generation) return;
			accept(page);
			this.problem = null;
		} catch (error) {
			if (generation !== this.#generation) return;
			this.problem = error instanceof ApiError ? error : new ApiError({ title: 'The API sent an unreadable answer.', status: 0 });
			if (this.problem.status === 401) session.expire();
		} finally {
			if (generation === this.#generation) this.isLoading = false;
		}
	}
}
