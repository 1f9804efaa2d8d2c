// The frame around the pages: login, tabs, calls to the controller and its live state.

const SECTIONS = ['STATE', 'NETWORK', 'INSTALLATION', 'SYSTEM', 'BACKEND', 'WHITELIST',
  'MANUFACTURER', 'LOADMANAGEMENT', 'AUTHORIZATION'];
const TITLES = {LOADMANAGEMENT: 'Load management'};
const SILENCE_MS = 6000; // a live stream brings something every second

const $ = (id) => document.getElementById(id);
let session = {csrf: ''};
let leave = null; // ends the page that is shown

/** Make an element: el('p', {className: 'x'}, 'text', child). */
export function el(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Call the API; answers with the JSON, throws an Error with the status and the reason. */
export async function api(method, path, body) {
  const headers = {'X-CSRF-Token': session.csrf};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
  const text = await response.text();
  let found = null;
  try { found = text && JSON.parse(text); } catch { /* a proxy's page, perhaps */ }
  if (!response.ok) {
    if (response.status === 401 && path !== '/api/login') showLogin();
    const error = new Error((found && found.error) || `the charger answered ${response.status}`);
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
    $('name').textContent = state.chargepoint_id || state.controller_serial || 'Charger';
    document.title = `${state.status} – ${$('name').textContent}`;
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
      banner('Not connected to the charger. Trying again …');
    }
    this.timer = setTimeout(() => this.start(), 3000);
  },
};

function showLogin() {
  live.stop();
  if (leave) leave();
  leave = null;
  banner('');
  $('nav').hidden = $('who').hidden = true;
  const form = $('login').content.cloneNode(true).firstElementChild;
  form.addEventListener('submit', login);
  $('main').replaceChildren(form);
  form.elements.user.focus();
}

async function login(event) {
  event.preventDefault();
  const form = event.target;
  const message = form.querySelector('.error');
  const button = form.querySelector('button');
  message.hidden = button.disabled = true;
  try {
    const {user, password} = form.elements;
    await api('POST', '/api/login', {user: user.value, password: password.value});
    await begin();
  } catch (error) {
    message.textContent = error.status ? error.message : 'The charger cannot be reached.';
    message.hidden = button.disabled = false;
    form.elements.password.select();
  }
}

async function begin() {
  session = await api('GET', '/api/session');
  $('role').textContent = session.role;
  $('who').hidden = false;
  const shown = SECTIONS.filter((section) => session.pages.includes(section));
  $('nav').replaceChildren(...shown.map((section) => el('a', {
    href: '#' + section.toLowerCase(),
    textContent: TITLES[section] || section[0] + section.slice(1).toLowerCase(),
  })));
  $('nav').hidden = false;
  if (location.pathname === '/login') history.replaceState(null, '', '/');
  live.start();
  await route();
}

async function route() {
  const links = [...$('nav').children];
  const wanted = links.find((link) => link.hash === location.hash) || links[0];
  if (!wanted) return;
  links.forEach((link) => link.removeAttribute('aria-current'));
  wanted.setAttribute('aria-current', 'page');
  if (leave) leave();
  const page = await import(`./page_${wanted.hash.slice(1)}.js`);
  leave = page.show($('main'), session);
}

$('logout').addEventListener('click', async () => {
  try { await api('POST', '/api/logout'); } catch { /* the session is over either way */ }
  showLogin();
});
window.addEventListener('hashchange', () => { if (!$('nav').hidden) route(); });
document.addEventListener('visibilitychange', () => {
  if ($('nav').hidden) return;
  if (document.hidden) live.stop(); else live.start(); // a stream less for others to wait for
});
begin().catch((error) => {
  if (error.status !== 401) banner('Not connected to the charger. Reload to try again.');
});
