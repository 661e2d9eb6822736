/** Who is signed in. A session that ends is renewed in place: nothing on the page is lost. */

import { ApiError, api, rememberCsrf } from './client';
import type { SessionView } from './contract';

type State = 'checking' | 'signed-in' | 'signed-out' | 'expired' | 'unreachable';

class Session {
	state = $state<State>('checking');
	view = $state.raw<SessionView | null>(null);

	/** Ask the API whether the cookie still holds. */
	async check(): Promise<void> {
		try {
			this.#accept(await api.session());
		} catch (error) {
			const isRefused = error instanceof ApiError && error.status === 401;
			this.state = isRefused ? 'signed-out' : 'unreachable';
		}
	}

	/** Sign in with the one-time code; raises `ApiError` with the sentence to show. */
	async login(code: string): Promise<void> {
		this.#accept(await api.login(code));
	}

	async logout(): Promise<void> {
		try {
			await api.logout();
		} finally {
			this.view = null;
			this.state = 'signed-out';
		}
	}

	/** A request came back with 401: ask for the code in place. */
	expire(): void {
		if (this.state === 'signed-in') this.state = 'expired';
	}

	#accept(view: SessionView): void {
		rememberCsrf(view.csrf_token);
		this.view = view;
		this.state = 'signed-in';
	}
}

export const session = new Session();
