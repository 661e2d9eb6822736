/** What needs a look now, worst first: the count in the strip and the list on Health. */

import type { LiveSnapshot } from './api/contract';
import { haltCause, haltEnd, haltReason, haltScope, venueName, type Tone } from './format/words';

export interface Attention {
	id: string;
	tone: Extract<Tone, 'warn' | 'critical'>;
	title: string;
	detail: string;
	command: string | null;
	sinceNs: number | null;
}

export function attention(snapshot: LiveSnapshot): Attention[] {
	const items: Attention[] = [];
	if (snapshot.packages.stuck > 0) {
		const many = snapshot.packages.stuck === 1 ? '1 package is' : `${snapshot.packages.stuck} packages are`;
		items.push({ id: 'stuck', tone: 'critical', title: `${many} stuck`, detail: 'A person has to decide: look first, then resolve it.', command: 'twinleg why PACKAGE', sinceNs: null });
	}
	if (/[1-9]/.test(snapshot.ledger_sum)) {
		items.push({ id: 'ledger', tone: 'critical', title: `The ledger sums to ${snapshot.ledger_sum} dollars, not to zero`, detail: 'Nothing new is bought until it is explained.', command: null, sinceNs: null });
	}
	for (const halt of snapshot.halts) {
		const end = haltEnd(halt.lift, halt.scope);
		items.push({
			id: `halt-${halt.scope}-${halt.since_ns}`,
			tone: 'critical',
			title: `${haltScope(halt.scope)} ${halt.is_freeze ? 'frozen' : 'halted'} by ${halt.actor}${haltCause(halt.reason, halt.note)}`,
			detail: end.text,
			command: end.command,
			sinceNs: halt.since_ns
		});
	}
	const halted = new Set(snapshot.halts.map((halt) => halt.scope));
	for (const venue of snapshot.venues) {
		if (venue.state === 'live' || halted.has(`venue:${venue.name}`)) continue;
		items.push({
			id: `venue-${venue.name}`,
			tone: venue.state === 'stale' ? 'warn' : 'critical',
			title: `${venueName(venue.name)} is ${venue.state}`,
			detail: venue.halted_reason ? `Cause: ${haltReason(venue.halted_reason)}.` : 'No pair on this venue is opened meanwhile.',
			command: null,
			sinceNs: null
		});
	}
	return items;
}
