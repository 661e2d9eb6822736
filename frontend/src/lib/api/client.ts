/** Requests to `/api/v1`. Every failure is a `Problem` with a sentence for a person. */

import type {
	CommandAccepted,
	EdgeView,
	FillsPage,
	HaltRequest,
	PackagesPage,
	PackageView,
	PairsPage,
	Problem,
	SessionView
} from './contract';

const BASE = '/api/v1';
const TIMEOUT_MS = 8_000;

/** The API answered with a problem, or did not answer (`status` 0). */
export class ApiError extends Error {
	readonly status: number;
	readonly detail: string | null;
	readonly instance: string | null;

	constructor(problem: Pick<Problem, 'title' | 'status'> & Partial<Problem>) {
		super(problem.title);
		this.status = problem.status;
		this.detail = problem.detail ?? null;
		this.instance = problem.instance ?? null;
	}
}

const FALLBACK_TITLES: Record<number, string> = {
	401: 'Your session has ended.',
	403: 'This request was refused.',
	404: 'There is nothing here.',
	409: 'Someone changed this in the meantime.',
	429: 'Too many attempts. Wait a moment.',
	503: 'The API has no data yet.'
};

let csrfToken = '';

export function rememberCsrf(token: string): void {
	csrfToken = token;
}

async function problemOf(response: Response): Promise<ApiError> {
	const fallback = FALLBACK_TITLES[response.status] ?? `The API answered with status ${response.status}.`;
	try {
		const body = (await response.json()) as Partial<Problem>;
		// The gateway's own refusals have no title: without a cookie 401, with a stale one 403.
		if (response.status === 403 && body.title === undefined) return new ApiError({ title: FALLBACK_TITLES[401]!, status: 401 });
		return new ApiError({ ...body, title: body.title ?? fallback, status: response.status });
	} catch {
		return new ApiError({ title: fallback, status: response.status });
	}
}

/** Send a request; a 304 is returned as it is, every other failure raises `ApiError`. */
export async function request(path: string, init: RequestInit = {}, timeoutMs = TIMEOUT_MS): Promise<Response> {
	const headers = new Headers(init.headers);
	headers.set('Accept', 'application/json');
	if (init.method && init.method !== 'GET') headers.set('X-Twinleg-CSRF', csrfToken);
	let response: Response;
	try {
		response = await fetch(`${BASE}${path}`, {
			...init,
			headers,
			credentials: 'same-origin',
			cache: 'no-store',
			signal: init.signal ?? AbortSignal.timeout(timeoutMs)
		});
	} catch {
		throw new ApiError({ title: 'No contact with the API.', status: 0 });
	}
	if (!response.ok && response.status !== 304) throw await problemOf(response);
	return response;
}

async function read<T>(path: string): Promise<T> {
	const response = await request(path);
	return (await response.json()) as T;
}

function post(path: string, body: unknown): Promise<Response> {
	return request(path, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify(body)
	});
}

function query(parameters: Record<string, string | number | null | undefined>): string {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(parameters)) {
		if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
	}
	const text = search.toString();
	return text === '' ? '' : `?${text}`;
}

export const api = {
	session: () => read<SessionView>('/session'),
	login: async (code: string): Promise<SessionView> => (await post('/session', { code })).json() as Promise<SessionView>,
	logout: () => request('/session', { method: 'DELETE' }),
	edge: (pairId: string) => read<EdgeView>(`/edges/${encodeURIComponent(pairId)}`),
	fills: (cursor: string | null, limit = 100) => read<FillsPage>(`/fills${query({ limit, cursor })}`),
	packages: (cursor: string | null, limit = 100) => read<PackagesPage>(`/packages${query({ limit, cursor })}`),
	package: (packageId: string) => read<PackageView>(`/packages/${encodeURIComponent(packageId)}`),
	pairs: (verdict: string | null, cursor: string | null, limit = 100) =>
		read<PairsPage>(`/pairs${query({ verdict, limit, cursor })}`),
	halt: async (body: HaltRequest): Promise<CommandAccepted> =>
		(await post('/halt', body)).json() as Promise<CommandAccepted>
};
