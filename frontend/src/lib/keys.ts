/** Single-key shortcuts. They never fire while a person types, or with a dialog open. */

export interface KeyActions {
	go: (place: 'edges' | 'packages' | 'fills' | 'pairs' | 'health') => void;
	halt: () => void;
	sheet: () => void;
	utc: () => void;
	pause: () => void;
	copyLink: () => void;
}

const PLACES = { e: 'edges', p: 'packages', f: 'fills', a: 'pairs', h: 'health' } as const;
const CHORD_MS = 1_200;

function isTyping(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Return a keydown listener that calls `actions`. */
export function keyListener(actions: KeyActions, isEnabled: () => boolean): (event: KeyboardEvent) => void {
	let chordUntil = 0;
	return (event) => {
		if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !isEnabled()) return;
		if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
		if (event.timeStamp < chordUntil && event.key in PLACES) {
			chordUntil = 0;
			event.preventDefault();
			return actions.go(PLACES[event.key as keyof typeof PLACES]);
		}
		chordUntil = event.key === 'g' ? event.timeStamp + CHORD_MS : 0;
		const single: Record<string, () => void> = {
			H: actions.halt,
			'?': actions.sheet,
			u: actions.utc,
			'.': actions.pause,
			y: actions.copyLink
		};
		const action = single[event.key];
		if (!action) return;
		event.preventDefault();
		action();
	};
}
