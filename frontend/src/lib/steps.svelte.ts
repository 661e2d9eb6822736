/** The four first steps: each ticks itself when it is done; kept in this browser. */

export type Step = 'edge' | 'why' | 'package' | 'halt';

const KEY = 'twinleg.steps';

interface Stored {
	done: Step[];
	isDismissed: boolean;
}

function load(): Stored {
	try {
		const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Stored>;
		return { done: Array.isArray(stored.done) ? stored.done : [], isDismissed: stored.isDismissed === true };
	} catch {
		return { done: [], isDismissed: false };
	}
}

class FirstSteps {
	#stored = $state<Stored>(load());

	isDone(step: Step): boolean {
		return this.#stored.done.includes(step);
	}

	get isShown(): boolean {
		return !this.#stored.isDismissed;
	}

	get count(): number {
		return this.#stored.done.length;
	}

	tick(step: Step): void {
		if (this.isDone(step) || this.#stored.isDismissed) return;
		this.#save({ ...this.#stored, done: [...this.#stored.done, step] });
	}

	dismiss(): void {
		this.#save({ ...this.#stored, isDismissed: true });
	}

	#save(stored: Stored): void {
		this.#stored = stored;
		try {
			localStorage.setItem(KEY, JSON.stringify(stored));
		} catch {
			// Storage is refused: the steps hold until the page is closed.
		}
	}
}

export const steps = new FirstSteps();
