/** Words of the product: venues, package states, halts. One word per thing, everywhere. */

const VENUES: Record<string, { name: string; letter: string }> = {
	kalshi: { name: 'Kalshi', letter: 'K' },
	polymarket: { name: 'Polymarket', letter: 'P' },
	polymarket_us: { name: 'Polymarket US', letter: 'U' }
};

export function venueName(venue: string): string {
	return VENUES[venue]?.name ?? venue;
}

export function venueLetter(venue: string): string {
	return VENUES[venue]?.letter ?? venue.slice(0, 1).toUpperCase();
}

export function outcomeWord(outcome: string | null): string {
	return outcome === null ? '?' : outcome.toUpperCase();
}

/** A market id short enough for a line: the middle of a long hash goes, both ends stay. */
export function shortMarket(id: string): string {
	return id.length <= 36 ? id : `${id.slice(0, 22)}…${id.slice(-8)}`;
}

/** A sentence of the matcher for people: codes in it become words, the first letter is large. */
export function spoken(text: string): string {
	const words = text.replace(/\b[A-Z]+(?:_[A-Z]+)+\b/g, (code) => code.replaceAll('_', ' ').toLowerCase());
	return words.charAt(0).toUpperCase() + words.slice(1);
}

export type Tone = 'plain' | 'accent' | 'gain' | 'warn' | 'critical' | 'muted';

export interface StateWord {
	text: string;
	tone: Tone;
	icon: 'open' | 'done' | 'provisional' | 'flat' | 'stuck' | 'unknown';
}

const PACKAGE_STATES: Record<string, StateWord> = {
	planned: { text: 'Planned', tone: 'accent', icon: 'open' },
	journalled: { text: 'Recorded, not sent yet', tone: 'accent', icon: 'open' },
	leg1_sent: { text: 'Buying leg 1 of 2', tone: 'accent', icon: 'open' },
	leg1_held: { text: 'Leg 1 held by the venue', tone: 'accent', icon: 'open' },
	leg1_cancelling: { text: 'Cancelling leg 1', tone: 'accent', icon: 'open' },
	leg1_unknown: { text: 'Leg 1 unknown', tone: 'warn', icon: 'unknown' },
	exposed: { text: 'Leg 1 filled, unhedged', tone: 'warn', icon: 'open' },
	leg2_sent: { text: 'Buying leg 2 of 2', tone: 'accent', icon: 'open' },
	leg2_cancelling: { text: 'Cancelling leg 2', tone: 'warn', icon: 'open' },
	leg2_unknown: { text: 'Leg 2 unknown', tone: 'warn', icon: 'unknown' },
	retry_wait: { text: 'Waiting to retry leg 2', tone: 'warn', icon: 'open' },
	unwind_sent: { text: 'Unwinding', tone: 'warn', icon: 'open' },
	unwind_unknown: { text: 'Unwind unknown', tone: 'warn', icon: 'unknown' },
	unwind_wait: { text: 'Waiting to unwind', tone: 'warn', icon: 'open' },
	confirm_unknown: { text: 'Confirmation unknown', tone: 'warn', icon: 'unknown' },
	hedged_prov: { text: 'Hedged, provisional', tone: 'accent', icon: 'provisional' },
	hedged: { text: 'Hedged, confirmed', tone: 'accent', icon: 'done' },
	exiting: { text: 'Hedged, exiting early', tone: 'accent', icon: 'open' },
	settling: { text: 'Settling', tone: 'accent', icon: 'open' },
	settled: { text: 'Settled', tone: 'plain', icon: 'done' },
	diverged: { text: 'Diverged at settlement', tone: 'critical', icon: 'stuck' },
	flat_prov: { text: 'Flat, provisional', tone: 'muted', icon: 'provisional' },
	flat: { text: 'Flat after unwind', tone: 'muted', icon: 'flat' },
	exited_early: { text: 'Exited early', tone: 'muted', icon: 'flat' },
	aborted: { text: 'Not started', tone: 'muted', icon: 'flat' },
	stuck_known: { text: 'Stuck, needs you', tone: 'critical', icon: 'stuck' },
	stuck_unknown: { text: 'Stuck, position unknown', tone: 'critical', icon: 'stuck' },
	recovering: { text: 'Checking after start', tone: 'warn', icon: 'unknown' }
};

/** Title and tone of a package state; a state this build does not know is shown as it is. */
export function packageState(state: string): StateWord {
	const known = PACKAGE_STATES[state];
	if (known) return known;
	const text = state.replaceAll('_', ' ');
	const isUnknown = state.includes('unknown');
	return {
		text: text.charAt(0).toUpperCase() + text.slice(1),
		tone: isUnknown ? 'warn' : 'accent',
		icon: isUnknown ? 'unknown' : 'open'
	};
}

export function isFinished(state: string): boolean {
	return ['settled', 'diverged', 'flat', 'exited_early', 'aborted'].includes(state);
}

/** What a halt covers, as the middle of a sentence: "All trading", "Kalshi", "pair FED". */
export function haltScope(scope: string): string {
	if (scope === 'global') return 'All trading';
	const [kind, name = ''] = scope.split(/:(.*)/s);
	return kind === 'venue' ? venueName(name) : `${kind} ${name}`;
}

const HALT_REASONS: Record<string, string> = {
	feed_stale: 'feed older than its limit',
	venue_down: 'the venue does not answer',
	venue_slow: 'orders answer too slowly',
	venue_errors: 'too many calls failed',
	venue_paused: 'the venue paused trading',
	clock_skew: 'our clock is off',
	lease_lost: 'the lease was lost',
	journal_down: 'intent cannot be stored',
	aws_down: 'the cloud does not answer',
	disk_full: 'the disk is full',
	config_unreadable: 'the configuration cannot be read',
	stop_day: 'day stop reached',
	stop_week: 'week stop reached',
	stop_month: 'month stop reached',
	unwinds: 'too many unwinds',
	crash_loop: 'the trader restarted too often',
	alert_path: 'alerts cannot be delivered',
	freeze: 'frozen',
	reconcile_difference: 'the venue and our ledger differ',
	journal_behind: 'the record is behind',
	foreign_position: 'a position that is not ours',
	stuck: 'a package is stuck',
	failed_settlements: 'settlements failed',
	diverged: 'the venues settled differently',
	account_restricted: 'the account is restricted',
	key_revoked: 'a key was revoked',
	version_mismatch: 'the record is of another version'
};

export function haltReason(reason: string): string {
	return HALT_REASONS[reason] ?? reason.replaceAll('_', ' ');
}

/** Why it was halted, with a colon in front; nothing when a person did it without a word. */
export function haltCause(reason: string, note: string): string {
	const parts = [reason === 'operator' ? '' : haltReason(reason), note === reason ? '' : note].filter((part) => part !== '');
	return parts.length > 0 ? `: ${parts.join(', ')}` : '';
}

export interface HaltEnd {
	text: string;
	/** What to type in a terminal, when a person must end the halt. */
	command: string | null;
}

/** How a halt ends. */
export function haltEnd(lift: string, scope: string): HaltEnd {
	if (lift === 'auto') return { text: 'Trading goes on by itself 30 s after the cause is gone.', command: null };
	return { text: 'Only you can resume:', command: `twinleg resume ${scope} --reason …` };
}
