/** The one polite live region: halts, their end, packages that got stuck, and short confirmations. */

import type { LiveSnapshot } from './api/contract';
import { haltCause, haltScope } from './format/words';

class Announcer {
	text = $state('');
	#halts: Set<string> | null = null;
	#stuck = 0;

	say(text: string): void {
		this.text = text;
	}

	/** Compare with the last snapshot and say what changed; the first one is silent. */
	watch(snapshot: LiveSnapshot | null): void {
		if (snapshot === null) return;
		const halts = new Set(snapshot.halts.map((halt) => halt.scope));
		if (this.#halts !== null) {
			const begun = snapshot.halts.find((halt) => !this.#halts?.has(halt.scope));
			const ended = [...this.#halts].find((scope) => !halts.has(scope));
			if (begun) this.text = `${haltScope(begun.scope)} halted${haltCause(begun.reason, begun.note)}.`;
			else if (ended) this.text = `${haltScope(ended)} trades again.`;
			else if (snapshot.packages.stuck > this.#stuck) this.text = 'A package is stuck and needs you.';
		}
		this.#halts = halts;
		this.#stuck = snapshot.packages.stuck;
	}
}

export const announcer = new Announcer();
