/** The viewer's own choices, kept in this browser: theme, clock, single-key shortcuts. */

import type { Zone } from './format/time';

export type Theme = 'system' | 'dark' | 'light';

function stored(name: string): string | null {
	try {
		return localStorage.getItem(`twinleg.${name}`);
	} catch {
		return null;
	}
}

function store(name: string, value: string): void {
	try {
		localStorage.setItem(`twinleg.${name}`, value);
	} catch {
		// Storage is refused: the choice holds until the page is closed.
	}
}

class Preferences {
	theme = $state<Theme>('system');
	zone = $state<Zone>('local');
	hasShortcuts = $state(true);

	load(): void {
		const theme = stored('theme');
		if (theme === 'dark' || theme === 'light') this.theme = theme;
		if (stored('zone') === 'utc') this.zone = 'utc';
		if (stored('shortcuts') === 'off') this.hasShortcuts = false;
	}

	setTheme(theme: Theme): void {
		this.theme = theme;
		store('theme', theme);
		if (theme === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = theme;
	}

	setZone(zone: Zone): void {
		this.zone = zone;
		store('zone', zone);
	}

	setShortcuts(isOn: boolean): void {
		this.hasShortcuts = isOn;
		store('shortcuts', isOn ? 'on' : 'off');
	}
}

export const preferences = new Preferences();
