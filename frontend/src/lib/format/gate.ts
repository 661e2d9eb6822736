/** "Why not traded" as a sentence: the catalogue's text with the row's own figures put in. */

import { GATES } from '$lib/gates';
import { UNKNOWN } from './number';
import type { Tone } from './words';
import { venueName } from './words';

const VENUE_PARAMETERS = new Set(['venue', 'a', 'b']);

/** Fill `{name}` places of a sentence; a missing parameter reads `?`, never nothing. */
export function fillSentence(sentence: string, params: Record<string, string>): string {
	return sentence.replace(/\{(\w+)\}/g, (_, name: string) => {
		const value = params[name];
		if (value === undefined || value === '') return UNKNOWN;
		return VENUE_PARAMETERS.has(name) ? venueName(value) : value;
	});
}

function unlisted(code: string): string {
	const text = code.replaceAll('_', ' ').toLowerCase();
	return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The whole sentence of a gate code. A code this build does not know is shown as words. */
export function gateSentence(code: string, params: Record<string, string>): string {
	const gate = GATES[code];
	return gate ? fillSentence(gate.sentence, params) : unlisted(code);
}

/** The short form for a table cell, without the full stop. */
export function gateShort(code: string, params: Record<string, string>): string {
	const gate = GATES[code];
	const text = (gate ? fillSentence(gate.short, params) : unlisted(code)).replace(/\.$/, '');
	return text.charAt(0).toUpperCase() + text.slice(1);
}

const CHARACTER_WIDTH = 7;

/** The sentence without its full stop where `room` pixels hold it, else the short form. */
export function gateThatFits(code: string, params: Record<string, string>, room: number): string {
	const sentence = gateSentence(code, params).replace(/\.$/, '');
	return sentence.length * CHARACTER_WIDTH <= room ? sentence : gateShort(code, params);
}

/** The name of a gate whose figures are not at hand: "Hedge chance low". */
export function gateName(code: string): string {
	return unlisted(code).replace(/\.$/, '');
}

/** What the operator can do about a gate, or nothing. */
export function gateAdvice(code: string): string {
	return GATES[code]?.advice ?? '';
}

export function gateTone(code: string): Tone {
	const severity = GATES[code]?.severity;
	return severity === 'critical' || severity === 'warn' ? severity : 'muted';
}

const GATE_ORDER = new Map(Object.keys(GATES).map((code, index) => [code, index]));

/** Rank of a status for sorting: buying, ready, then gates in their order, the last ones nearest to trading. */
export function statusRank(status: string): number {
	if (status === 'buying') return -2;
	if (status === 'ready') return -1;
	return GATE_ORDER.size - (GATE_ORDER.get(status) ?? 0);
}
