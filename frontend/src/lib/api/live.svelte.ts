/**
 * The one snapshot a second: polls `/live`, merges deltas, and knows how old everything is.
 *
 * Times inside are milliseconds of the browser's monotonic clock; the wall clock serves only
 * to notice that the machine slept. While `isVeiled`, no value on screen may look current.
 */

import { ApiError, request } from './client';
import type { LiveSnapshot } from './contract';
import { canMerge, mergeEdges, type Edges } from './merge';
import { session } from './session.svelte';

const POLL_MS = 1_000;
const POLL_HIDDEN_MS = 15_000;
const POLL_URGENT_MS = 200;
const TICK_MS = 500;
/** A gap between two ticks longer than this means the machine slept or was stopped. */
const WAKE_GAP_MS = 3_000;
const OFFLINE_AFTER = 4;
const REQUEST_TIMEOUT_MS = 4_000;

export const TRADER_LATE_MS = 2_000;
export const TRADER_STALE_MS = 4_000;
export const TRADER_SILENT_MS = 6_000;

class Live {
	snapshot = $state.raw<LiveSnapshot | null>(null);
	edges = $state.raw<Edges>(new Map());
	/** Monotonic time of the last tick; everything that ages reads it. */
	now = $state(0);
	wallNow = $state(Date.now());
	receivedAt = $state(0);
	contactAt = $state(0);
	failures = $state(0);
	roundTripMs = $state<number | null>(null);
	roundTrips = $state.raw<number[]>([]);
	isVeiled = $state(false);
	isPaused = $state(false);
	problem = $state.raw<ApiError | null>(null);

	#timer: ReturnType<typeof setTimeout> | undefined;
	#ticker: ReturnType<typeof setInterval> | undefined;
	#lastTickWall = 0;
	#inFlight = false;
	#mustReload = true;
	#urgentUntil = 0;
	#isRunning = false;

	/** Time since the newest snapshot arrived. */
	sinceReceiptMs = $derived(Math.max(0, this.now - this.receivedAt));
	/** Age of the trader's word: its age when the API answered plus the time since. */
	traderAgeMs = $derived(this.snapshot === null ? null : this.snapshot.trader_age_ms + this.sinceReceiptMs);
	/**
	 * What is added to ages of the snapshot. While the snapshot itself is fresh, ages are those
	 * of its moment (the page says "as of"); a late one makes everything older at once.
	 */
	lagMs = $derived(this.traderAgeMs !== null && this.traderAgeMs > TRADER_LATE_MS ? this.traderAgeMs : 0);
	isOffline = $derived(this.failures >= OFFLINE_AFTER);
	freshness = $derived.by((): 'fresh' | 'late' | 'stale' => {
		if (this.traderAgeMs === null || this.traderAgeMs > TRADER_STALE_MS) return 'stale';
		return this.traderAgeMs > TRADER_LATE_MS ? 'late' : 'fresh';
	});
	isTraderSilent = $derived(!this.isOffline && this.traderAgeMs !== null && this.traderAgeMs > TRADER_SILENT_MS);
	isHalted = $derived((this.snapshot?.halts.length ?? 0) > 0);

	/** Begin polling; the answer stops it again. */
	start(): () => void {
		if (this.#isRunning) return () => {};
		this.#isRunning = true;
		this.#mustReload = true;
		this.#lastTickWall = Date.now();
		this.#tick();
		this.#ticker = setInterval(() => this.#tick(), TICK_MS);
		document.addEventListener('visibilitychange', this.#onVisibility);
		void this.#poll();
		return () => {
			this.#isRunning = false;
			clearTimeout(this.#timer);
			clearInterval(this.#ticker);
			document.removeEventListener('visibilitychange', this.#onVisibility);
		};
	}

	/** Poll five times a second for a while: a halt was sent and its confirmation is awaited. */
	hurry(forMs: number): void {
		this.#urgentUntil = performance.now() + forMs;
		this.#schedule(0);
	}

	retry(): void {
		this.#schedule(0);
	}

	togglePause(): void {
		this.isPaused = !this.isPaused;
		if (!this.isPaused) {
			this.#mustReload = true;
			this.#schedule(0);
		}
	}

	#onVisibility = (): void => {
		if (document.visibilityState !== 'visible') return;
		this.#tick();
		this.#mustReload = true;
		this.#schedule(0);
	};

	#tick(): void {
		const wall = Date.now();
		const gap = wall - this.#lastTickWall;
		this.#lastTickWall = wall;
		this.now = performance.now();
		this.wallNow = wall;
		if ((gap > WAKE_GAP_MS || gap < -WAKE_GAP_MS) && this.snapshot !== null) this.#wake();
	}

	#wake(): void {
		this.isVeiled = true;
		this.#mustReload = true;
		this.#schedule(0);
	}

	#schedule(delay: number): void {
		if (!this.#isRunning) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => void this.#poll(), delay);
	}

	#pause(): number {
		if (document.visibilityState === 'hidden') return POLL_HIDDEN_MS;
		return performance.now() < this.#urgentUntil ? POLL_URGENT_MS : POLL_MS;
	}

	async #poll(): Promise<void> {
		if (this.#inFlight || !this.#isRunning) return;
		if (session.state !== 'signed-in') return this.#schedule(POLL_MS);
		this.#inFlight = true;
		const began = performance.now();
		try {
			await this.#fetch(began);
			this.failures = 0;
			this.problem = null;
			this.contactAt = performance.now();
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#inFlight = false;
		}
		const spent = performance.now() - began;
		this.#schedule(this.#mustReload && this.failures === 0 ? 0 : Math.max(50, this.#pause() - spent));
	}

	#fail(error: unknown): void {
		const problem = error instanceof ApiError ? error : new ApiError({ title: 'The API sent an unreadable answer.', status: 0 });
		if (problem.status === 401) session.expire();
		this.failures += 1;
		this.problem = problem;
		this.now = performance.now();
	}

	async #fetch(began: number): Promise<void> {
		const isWhole = this.#mustReload || this.snapshot === null;
		const seq = this.snapshot?.seq ?? 0;
		const init = isWhole ? {} : { headers: { 'If-None-Match': `"${seq}"` } };
		const response = await request(isWhole ? '/live' : `/live?since=${seq}`, init, REQUEST_TIMEOUT_MS);
		this.#measure(performance.now() - began);
		if (response.status === 304) return;
		const snapshot = (await response.json()) as LiveSnapshot;
		if (!canMerge(isWhole ? null : seq, snapshot)) {
			this.#mustReload = true;
			return;
		}
		this.#mustReload = false;
		this.#accept(snapshot);
	}

	#accept(snapshot: LiveSnapshot): void {
		if (!this.isPaused) this.edges = mergeEdges(this.edges, snapshot);
		this.snapshot = snapshot;
		this.receivedAt = performance.now();
		this.now = this.receivedAt;
		this.isVeiled = false;
	}

	#measure(ms: number): void {
		this.roundTripMs = ms;
		this.roundTrips = [...this.roundTrips.slice(-59), ms];
	}
}

export const live = new Live();
