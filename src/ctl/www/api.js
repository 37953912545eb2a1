// The API: one function for all calls.  The token lives as long as this tab.

const KEY = "trawl-token";
let kept = null; // where sessionStorage is off
export const LIST_MAX = 100;

export function token() {
	try {
		return sessionStorage.getItem(KEY) || kept;
	} catch (e) {
		return kept;
	}
}

export function set_token(text) {
	kept = text;
	try {
		if (text) sessionStorage.setItem(KEY, text);
		else sessionStorage.removeItem(KEY);
	} catch (e) {
		/* kept is enough */
	}
}

// status 0: the service could not be reached.
export class Problem extends Error {
	constructor(status, detail, errors, title) {
		super(detail || title || `status ${status}`);
		this.status = status;
		this.errors = Array.isArray(errors) ? errors : [];
	}
}

export function headers(more) {
	const all = { ...more };
	if (token()) all.Authorization = `Bearer ${token()}`;
	return all;
}

async function problem_of(answer) {
	let body = {};
	try {
		body = await answer.json();
	} catch (e) {
		/* not ours: a proxy's */
	}
	return new Problem(answer.status, body.detail, body.errors, body.title || answer.statusText);
}

const on_401 = new Set();
export function when_refused(fn) {
	on_401.add(fn);
}

// Throws Problem.  A 401 is told to who asks for tokens, too, unless another was given meanwhile.
export async function open(path, init) {
	const asked_with = token();
	let answer;
	try {
		answer = await fetch(path, { cache: "no-store", redirect: "error", ...init });
	} catch (e) {
		if (e.name === "AbortError") throw e;
		throw new Problem(0, "the service does not answer");
	}
	if (answer.ok) return answer;
	const p = await problem_of(answer);
	if (answer.status === 401 && token() === asked_with) on_401.forEach((fn) => fn(p));
	throw p;
}

export async function call(method, path, body, more) {
	const init = { method, headers: headers(more) };
	if (body !== undefined) {
		init.body = JSON.stringify(body);
		init.headers["Content-Type"] = "application/json";
	}
	const answer = await open(`api/v1/${path}`, init);
	if (answer.status === 204) return { body: null, etag: null };
	try {
		return { body: await answer.json(), etag: answer.headers.get("ETag") };
	} catch (e) {
		throw new Problem(0, "the answer was cut off");
	}
}

export const get = async (path) => (await call("GET", path)).body;
export const post = async (path, body) => (await call("POST", path, body)).body;

// What a person is told of a refusal.
export function sentence(p) {
	if (!(p instanceof Problem)) return `the dashboard failed: ${p.message}`;
	const more = p.errors.map((e) => `${e.pointer || e.parameter || ""} ${e.detail}`).join("; ");
	const text = more ? `${p.message}: ${more}` : p.message;
	switch (p.status) {
		case 401:
			return `A token is wanted: ${text}`;
		case 403:
			return `Not permitted: ${text}`;
		case 409:
			return `Not as things are: ${text}`;
		case 412:
			return `Changed by somebody else meanwhile: ${text}`;
		case 503:
			return `The service is busy: ${text}`;
		default:
			return text;
	}
}
