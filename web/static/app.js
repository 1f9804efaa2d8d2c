// The frame around the pages: login, sections, texts, calls to the controller and its live state.

import {ask, el, icon} from './dom.js';

export {ask, el, icon, openDialog, say} from './dom.js';

export const SECTIONS = ['STATE', 'NETWORK', 'INSTALLATION', 'SYSTEM', 'BACKEND', 'WHITELIST',
  'MANUFACTURER', 'LOADMANAGEMENT', 'AUTHORIZATION'];
const LANGUAGES = {en: 'English', de: 'Deutsch', zh: '中文'};
const OWN_MODULE = ['STATE', 'WHITELIST']; // the other sections are forms
const [BUSY_TRIES, BUSY_MS] = [4, 700];
const RELOAD_MS = 3000; // until a page that did not load is asked for again
const SILENCE_MS = 6000; // a live stream brings something every second

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

export let session = {csrf: ''};
let words = null; // the language's module
let leave = null; // ends the page that is shown
let shown = ''; // its address
let hasChanges = () => false;

// --- texts

const remembered = (key) => localStorage.getItem(key) || '';

function language() {
  const wanted = [remembered('language'), ...navigator.languages].map((tag) => tag.slice(0, 2));
  return wanted.find((code) => code in LANGUAGES) || 'en';
}

/** Text of a key in the chosen language, with {0}, {1}, … replaced by the values. */
export function t(key, ...values) {
  const text = words.texts[key] ?? key;
  return text.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** A setting's or reading's name in the chosen language. */
export const labelOf = (key) => (words.settings[key] || [key])[0];

/** What a setting is for, in the chosen language. */
export const helpOf = (key) => (words.settings[key] || ['', ''])[1];

/** A choice's name: that of the declaration where the language has no better one. */
export const choiceText = (choice) => words.choices[choice] || choice;

// --- calls

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
    if (response.status === 401 && path !== '/api/login') showLogin();
    const error = new Error((found && found.error) || t('answered', response.status));
    throw Object.assign(error, {status: response.status, errors: found && found.errors});
  }
  return found;
}

function banner(text) {
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

// --- the frame

function setTheme() {
  const dark = remembered('theme') ? remembered('theme') === 'dark' : systemIsDark.matches;
  root.dataset.theme = dark ? 'dark' : 'light';
}

function choice(key, label, choices, change) {
  const select = el('select', {id: key}, ...Object.entries(choices).map(
    ([value, text]) => el('option', {value, textContent: text})));
  select.value = key === 'language' ? language() : remembered(key);
  select.addEventListener('change', () => {
    localStorage.setItem(key, select.value);
    change();
  });
  return el('label', {htmlFor: key}, label, select);
}

function drawMenu() {
  const items = [
    choice('language', t('language'), LANGUAGES, () => location.reload()),
    choice('theme', t('theme'), {'': t('theme_system'), light: t('theme_light'), dark: t('theme_dark')},
      setTheme),
  ];
  if (session.role) {
    items.unshift(el('p', {className: 'soft', id: 'role', textContent: t('role_' + session.role)}));
    items.push(el('button', {type: 'button', id: 'logout', textContent: t('logout'), onclick: logout}));
  }
  $('menu').replaceChildren(
    el('summary', {'aria-label': t('menu'), title: t('menu')}, icon('user')),
    el('div', {className: 'card'}, ...items));
  $('menu').open = false;
  $('who').textContent = session.role ? t('role_' + session.role) : '';
  $('search').hidden = !session.role || session.restricted;
  $('search').ariaLabel = $('search').title = t('search');
}

function drawNavigation() {
  const sections = SECTIONS.filter((section) => session.pages.includes(section)
    && (section === 'STATE' || !session.restricted));
  $('nav').ariaLabel = t('sections');
  $('nav').replaceChildren(...sections.map((section) => el('a',
    {href: '#' + section.toLowerCase()}, icon(section), t('page_' + section))));
  if (session.may_set_up && !session.restricted) {
    $('nav').prepend(el('a', {href: '#setup', className: 'setup'}, icon('done'), t('setup_continue')));
  }
  $('nav').hidden = false;
}

function replacePage(end) {
  if (leave) leave();
  leave = end;
  hasChanges = () => false;
}

/** Have the browser ask before changes are lost; check() tells whether there are any. */
export function guard(check) {
  hasChanges = check;
}

function showLogin() {
  live.stop();
  replacePage(null);
  shown = '';
  session = {csrf: ''};
  banner('');
  $('nav').hidden = true;
  drawMenu();
  const message = el('p', {className: 'error', role: 'alert', hidden: true});
  const password = el('input', {id: 'password', type: 'password', autocomplete: 'current-password',
    maxLength: 64, required: true});
  const user = el('input', {id: 'user', autocomplete: 'username', autocapitalize: 'none',
    spellcheck: false, maxLength: 64, required: true});
  const form = el('form', {className: 'card narrow'}, el('h1', {textContent: t('login')}),
    el('label', {htmlFor: 'user'}, t('user'), user),
    el('label', {htmlFor: 'password'}, t('password'), password),
    message, el('button', {textContent: t('login')}));
  form.addEventListener('submit', (event) => login(event, user, password, message));
  $('main').replaceChildren(form);
  user.focus();
}

async function login(event, user, password, message) {
  event.preventDefault();
  const button = event.target.querySelector('button');
  message.hidden = button.disabled = true;
  try {
    await api('POST', '/api/login', {user: user.value, password: password.value});
    await begin();
  } catch (error) {
    message.textContent = error.status === 401 ? t('wrong_login') : error.message;
    message.hidden = button.disabled = false;
    password.select();
  }
}

async function logout() {
  if (hasChanges() && !await ask(t('unsaved'), t('unsaved_text'), t('discard'), t('stay'))) return;
  try { await api('POST', '/api/logout'); } catch { /* the session is over either way */ }
  showLogin();
}

/** Begin with the session that the browser has: at the start, after a login, after a new password. */
export async function begin() {
  session = await api('GET', '/api/session');
  session.may_set_up = session.role !== 'user' && !session.setup_done;
  drawMenu();
  drawNavigation();
  if (location.pathname === '/login') history.replaceState(null, '', '/');
  live.start();
  shown = '';
  if (session.restricted && !location.hash) location.replace('#password');
  else if (session.may_set_up && !session.restricted && !location.hash) location.replace('#setup');
  await route();
}

async function moduleOf(address) {
  if (address === 'password' || address === 'setup') return import('./setup.js');
  const section = address.toUpperCase();
  if (OWN_MODULE.includes(section)) return import(`./page_${address}.js`);
  return import('./page_settings.js');
}

async function route() {
  const links = [...$('nav').children];
  let [address, field] = location.hash.slice(1).split('/');
  if (address === 'main' && shown) return; // the link that skips the sections
  const isOpen = (address === 'password' && session.restricted) || (address === 'setup' && session.may_set_up)
    || links.some((a) => a.hash === '#' + address);
  if (!isOpen) address = 'state';
  if (address === shown) {
    if (field) (await moduleOf(address)).reveal?.(field);
    return;
  }
  if (hasChanges() && !await ask(t('unsaved'), t('unsaved_text'), t('discard'), t('stay'))) {
    history.replaceState(null, '', '#' + shown);
    return;
  }
  replacePage(null);
  shown = address;
  for (const link of links) {
    link.toggleAttribute('aria-current', false);
    if (link.hash !== '#' + address) continue;
    link.setAttribute('aria-current', 'page');
    link.scrollIntoView({block: 'nearest', inline: 'center'});
  }
  let page;
  try {
    page = await moduleOf(address);
  } catch {
    banner(t('no_start'));
    setTimeout(() => location.reload(), RELOAD_MS);
    return;
  }
  if (shown !== address) return; // somebody was faster
  replacePage(page.show($('main'), session, address, field));
  scrollTo(0, 0);
}

async function start() {
  setTheme();
  systemIsDark.addEventListener('change', setTheme);
  words = await import(`./lang_${language()}.js`);
  root.lang = language();
  $('skip').textContent = t('skip');
  $('skip').addEventListener('click', (event) => {
    event.preventDefault();
    $('main').focus();
  });
  $('search').append(icon('search'));
  $('search').addEventListener('click', async () => (await import('./search.js')).open());
  addEventListener('click', (event) => {
    if (!$('menu').contains(event.target)) $('menu').open = false;
  });
  addEventListener('keydown', async (event) => {
    if (event.key === 'Escape') $('menu').open = false;
    const isTyping = event.target.matches('input, select, textarea');
    if (event.key !== '/' || isTyping || $('search').hidden) return;
    event.preventDefault();
    (await import('./search.js')).open();
  });
  addEventListener('hashchange', () => { if (session.role) route(); });
  addEventListener('beforeunload', (event) => { if (hasChanges()) event.preventDefault(); });
  document.addEventListener('visibilitychange', () => {
    if (!session.role) return;
    if (document.hidden) live.stop(); else live.start(); // a stream less for others to wait for
  });
  try {
    await begin();
  } catch (error) {
    if (error.status !== 401) banner(t('no_start'));
  }
}

start();
