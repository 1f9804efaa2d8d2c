// The charger as the pages reach it: calls to its API, the session, its live state.

import {t} from './dom.js';

const [BUSY_TRIES, BUSY_MS] = [4, 700];
const SILENCE_MS = 6000; // a live stream brings something every second

const $ = (id) => document.getElementById(id);

/** Who is logged in, as of GET /api/session. */
export let session = {csrf: ''};

/** Tells whether the page that is shown has changes that would be lost. */
export let hasChanges = () => false;

/** Take over who is logged in; nobody without an argument. */
export function setSession(found) {
  session = found || {csrf: ''};
}

/** Have the browser ask before changes are lost; check() tells whether there are any. */
export function guard(check) {
  hasChanges = check;
}

/** Have the frame begin anew with the session that the browser has now. */
export const beginAnew = () => dispatchEvent(new Event('newsession'));

/** Call the API; answers with the JSON, throws an Error with the status and the reason. */
export async function api(method, path, body, more) {
  const headers = {'X-CSRF-Token': session.csrf, ...more};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const isText = typeof body === 'string';
  const sent = {method, headers, body: isText ? body : body && JSON.stringify(body)};
  let response;
  for (let triesLeft = BUSY_TRIES; ; triesLeft -= 1) {
    try {
      response = await fetch(path, sent);
    } catch {
      throw new Error(t('unreachable'));
    }
    if (response.status !== 503 || !triesLeft) break; // others have all of its few connections
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
  }
  const text = await response.text();
  let found = null;
  try { found = text && JSON.parse(text); } catch { /* a text, or a proxy's page */ }
  if (!response.ok) {
    if (response.status === 401 && path !== '/api/login') dispatchEvent(new Event('loggedout'));
    const error = new Error((found && found.error) || t('answered', response.status));
    throw Object.assign(error, {status: response.status, errors: found && found.errors});
  }
  return found;
}

/** Tell something above the page; '' takes it away. */
export function banner(text) {
  $('banner').textContent = text;
  $('banner').hidden = !text;
  $('main').classList.toggle('stale', Boolean(text));
}

/** The charger's state as it changes, for everybody who listens. */
export const live = {
  state: {},
  listeners: new Set(),
  source: null,
  timer: 0,

  start() {
    this.stop();
    this.source = new EventSource('/api/live');
    this.source.addEventListener('state', (event) => this.take({}, event));
    this.source.addEventListener('change', (event) => this.take(this.state, event));
    this.source.onerror = () => this.lost();
    this.wait();
  },
  stop() {
    clearTimeout(this.timer);
    if (this.source) this.source.close();
    this.source = null;
  },
  take(before, event) {
    this.show(Object.assign({}, before, JSON.parse(event.data)));
    this.wait();
  },
  show(state) {
    this.state = state;
    banner('');
    $('name').textContent = state.chargepoint_id || state.controller_serial || t('charger');
    document.title = `${t('status_' + state.status)} – ${$('name').textContent}`;
    this.listeners.forEach((listener) => listener(state));
  },
  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(), SILENCE_MS);
  },
  async lost() {
    // Perhaps too many pages are open: then ask now and again instead.
    clearTimeout(this.timer);
    this.stop();
    try {
      this.show(await api('GET', '/api/state'));
    } catch (error) {
      if (error.status === 401) return;
      banner(t('reconnecting'));
    }
    this.timer = setTimeout(() => this.start(), 3000);
  },
};
