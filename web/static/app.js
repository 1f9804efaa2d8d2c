// The frame around the pages: login, sections, the way from one to the other. No page imports it.

import {api, banner, guard, hasChanges, live, session, setSession} from './charger.js';
import {LANGUAGES, ask, el, icon, language, loadTexts, remembered, t} from './dom.js';

const SECTIONS = ['STATE', 'NETWORK', 'INSTALLATION', 'SYSTEM', 'BACKEND', 'WHITELIST',
  'MANUFACTURER', 'LOADMANAGEMENT', 'AUTHORIZATION'];
const OWN_MODULE = ['STATE', 'WHITELIST']; // the other sections are forms
const RELOAD_MS = 3000; // until a page that did not load is asked for again

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

let leave = null; // ends the page that is shown
let shown = ''; // its address

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
  guard(() => false);
}

function showLogin() {
  live.stop();
  replacePage(null);
  shown = '';
  setSession();
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

/** Begin with the session that the browser has: at the start, after a login, a new password, the set-up. */
async function begin() {
  setSession(await api('GET', '/api/session'));
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

async function tryToBegin() {
  try {
    await begin();
  } catch (error) {
    if (error.status !== 401) banner(t('no_start'));
  }
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
  await loadTexts();
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
  addEventListener('loggedout', showLogin);
  addEventListener('newsession', tryToBegin);
  tryToBegin();
}

start();
