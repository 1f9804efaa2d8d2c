// A login's own password, and the first set-up: a few steps, each of which saves itself.

import {api, beginAnew, guard} from './charger.js';
import {el, icon, labelOf, say, t} from './dom.js';
import {makeField} from './fields.js';

const CARDS = {rfid_reader: true, free_charging: false, free_charging_mode: 'With ocpp'};
const ONLINE = {chargepoint_type: 'Public', ...CARDS, whitelist_enabled: false, local_pre_authorize: false,
  local_authorize_offline: false, offline_allow_unknown: false};
const LISTED = {whitelist_enabled: true, local_pre_authorize: true, local_authorize_offline: true};
const ALONE = {chargepoint_type: 'Home', rfid_reader: true, free_charging: true,
  free_charging_mode: 'Without ocpp', whitelist_enabled: false};
/** What each of the ways to charge sets: the modes A.1 to B.7 of ETEK's manual. */
export const MODES = {
  A1: {...ALONE, rfid_reader: false},
  A2: ALONE,
  A3: {...ALONE, free_charging: false, whitelist_enabled: true},
  B1: {...ONLINE, ...LISTED, authorization_cache: true},
  B2: {...ONLINE, rfid_reader: false, free_charging: true},
  B3: {...ONLINE, authorization_cache: true},
  B4: {...ONLINE, ...LISTED, authorization_cache: false},
  B5: {...ONLINE, authorization_cache: false},
  B6: {...ONLINE, whitelist_enabled: true, local_authorize_offline: true},
  B7: {...ONLINE, offline_allow_unknown: true},
};
const STEPS = [
  {name: 'hotspot', page: 'NETWORK', keys: ['hotspot_password']},
  {name: 'network', page: 'NETWORK', keys: ['ssid', 'ssid_password']},
  {name: 'installation', page: 'INSTALLATION', keys: ['phases', 'max_output_current', 'output_current_limit']},
  {name: 'mode', page: 'AUTHORIZATION', keys: []},
  {name: 'backend', page: 'BACKEND', keys: ['backend_chargepoint_id', 'backend_url', 'basic_auth_id', 'basic_auth_password']},
];
const PAGES = ['NETWORK', 'INSTALLATION', 'AUTHORIZATION', 'BACKEND'];
const SEEN = 'setup_seen'; // steps that this browser has been through

// --- the own password

function passwordPage(main, session) {
  const make = (id) => el('input', {id, type: 'password', autocomplete: 'new-password', minLength: 8,
    maxLength: 64, required: true});
  const [first, second] = [make('new'), make('again')];
  const error = el('p', {className: 'error', role: 'alert', hidden: true});
  const tell = (text) => {
    error.textContent = text;
    error.hidden = !text;
  };
  const form = el('form', {className: 'card narrow'}, el('h1', {textContent: t('own_password')}),
    el('p', {className: 'soft', textContent: t('own_password_text')}),
    el('input', {autocomplete: 'username', value: session.role, hidden: true}),
    el('label', {htmlFor: 'new'}, t('new_password'), first, el('span', {className: 'help', textContent: t('own_password_hint')})),
    el('label', {htmlFor: 'again'}, t('repeat_password'), second), error,
    el('button', {textContent: t('set_password')}),
    el('a', {href: '#state', textContent: t('only_state')}));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (first.value !== second.value) {
      tell(t('not_same'));
      second.focus();
      return;
    }
    form.inert = true;
    tell('');
    try {
      await api('PUT', '/api/settings', {[session.role + '_password']: first.value});
      history.replaceState(null, '', '/');
      beginAnew();
    } catch (reason) {
      form.inert = false;
      tell(reason.errors ? Object.values(reason.errors).join(' ') : reason.message);
      first.focus();
    }
  });
  main.replaceChildren(form);
  first.focus();
}

// --- the set-up

function isDone(step, rows) {
  if (JSON.parse(sessionStorage.getItem(SEEN) || '[]').includes(step.name)) return true;
  if (step.name === 'mode') return Object.keys(MODES.A1).some((key) => isChanged(rows.get(key)));
  return step.keys.some((key) => isChanged(rows.get(key)));
}

const isChanged = (row) => Boolean(row) && (row.is_set || (row.is_set === undefined && row.value !== row.default));

/** The mode that the settings are in; "" for none of them. */
function modeOf(rows) {
  const fits = (mode) => Object.entries(mode).every(([key, value]) => (rows.get(key) || {}).value === value);
  return Object.keys(MODES).find((name) => fits(MODES[name])) || '';
}

class Setup {
  constructor(main, rows) {
    this.main = main;
    this.rows = rows;
    this.steps = STEPS.filter((step) => !step.keys.length
      || step.keys.some((key) => (rows.get(key) || {}).writable));
    const open = this.steps.findIndex((step) => !isDone(step, rows));
    this.show(open < 0 ? this.steps.length : open);
  }

  /** Steps that make sense: a charger on its own has no back office. */
  get shownSteps() {
    const alone = this.rows.get('chargepoint_type').value === 'Home';
    return this.steps.filter((step) => step.name !== 'backend' || !alone);
  }

  show(index) {
    const steps = this.shownSteps;
    this.index = Math.min(index, steps.length);
    this.step = steps[this.index];
    const card = this.step ? this.stepCard() : this.lastCard();
    this.main.replaceChildren(el('div', {className: 'steps'}, this.progress(steps), card));
    scrollTo(0, 0);
    const title = card.querySelector('h1');
    title.tabIndex = -1;
    title.focus({preventScroll: true});
  }

  progress(steps) {
    const items = [...steps.map((step) => t('setup_' + step.name)), t('setup_done_title')];
    return el('ol', {className: 'progress', 'aria-label': t('setup')}, ...items.map((title, index) => {
      const done = index < steps.length && isDone(steps[index], this.rows);
      const button = el('button', {type: 'button', title, className: done ? 'done' : '', 'aria-label': title});
      if (index === this.index) button.setAttribute('aria-current', 'step');
      button.addEventListener('click', () => this.show(index));
      return el('li', {}, button);
    }));
  }

  stepCard() {
    const {name} = this.step;
    const error = el('p', {className: 'error', role: 'alert'});
    const back = el('button', {type: 'button', className: 'second', textContent: t('setup_back'), hidden: !this.index});
    const skip = el('button', {type: 'button', className: 'second', textContent: t('setup_skip')});
    back.addEventListener('click', () => this.show(this.index - 1));
    skip.addEventListener('click', () => this.goOn());
    const form = el('form', {className: 'card', noValidate: true},
      el('p', {className: 'soft', textContent: t('setup_step', this.index + 1, this.shownSteps.length)}),
      el('h1', {textContent: t('setup_' + name)}),
      el('p', {className: 'soft', textContent: t(`setup_${name}_text`)}),
      ...(name === 'mode' ? this.modeChoices() : this.stepFields()), error,
      el('div', {className: 'buttons'}, el('a', {href: '#state', textContent: t('setup_later'), className: 'later'}),
        back, skip, el('button', {textContent: t('setup_next')})));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.save(form, error);
    });
    return form;
  }

  stepFields() {
    this.fields = this.step.keys.map((key) => this.rows.get(key)).filter(Boolean).map(makeField);
    guard(() => this.fields.some((field) => field.node.isConnected && field.changes && field.changes() !== undefined));
    return this.fields.map((field) => field.node);
  }

  modeChoices() {
    const current = modeOf(this.rows);
    const group = (letter, legend) => el('fieldset', {className: 'modes'}, el('legend', {textContent: t(legend)}),
      ...Object.keys(MODES).filter((name) => name[0] === letter).map((value) => el('label', {},
        el('input', {type: 'radio', name: 'mode', value, checked: value === current, required: true}),
        el('span', {}, t('mode_' + value)))));
    this.fields = [];
    return [group('A', 'setup_alone'), group('B', 'setup_backoffice_mode')];
  }

  /** What the step sets, or null where something is wrong. */
  changes(form, error) {
    if (this.step.name !== 'mode') {
      const wrong = this.fields.filter((field) => field.check && !field.check());
      if (wrong.length) return wrong[0].control.focus.focus();
      const changed = this.fields.filter((field) => field.changes && field.changes() !== undefined);
      return Object.fromEntries(changed.map((field) => [field.row.key, field.changes()]));
    }
    const mode = MODES[form.elements.mode.value] || {};
    const others = Object.entries(mode).filter(([key, value]) => this.rows.get(key).value !== value);
    const fixed = others.filter(([key]) => !this.rows.get(key).writable);
    if (fixed.length) {
      error.textContent = t('mode_left', fixed.map(([key]) => labelOf(key)).join(', '));
      return null;
    }
    return Object.fromEntries(others);
  }

  async save(form, error) {
    error.textContent = '';
    const changes = this.changes(form, error);
    if (!changes) return;
    form.inert = true;
    try {
      if (Object.keys(changes).length) await api('PUT', '/api/settings', changes);
      for (const [key, value] of Object.entries(changes)) this.rows.get(key).value = value;
      this.fields.forEach((field) => field.saved && field.saved());
      this.goOn();
    } catch (reason) {
      form.inert = false;
      const unknown = Object.entries(reason.errors || {'': reason.message}).filter(([key, text]) => {
        const field = this.fields.find((one) => one.row.key === key);
        return !field || field.fail(text);
      });
      error.textContent = unknown.map(([, text]) => text).join(' ');
    }
  }

  goOn() {
    const seen = new Set(JSON.parse(sessionStorage.getItem(SEEN) || '[]')).add(this.step.name);
    sessionStorage.setItem(SEEN, JSON.stringify([...seen]));
    this.show(this.index + 1);
  }

  lastCard() {
    const finish = el('button', {type: 'button', textContent: t('setup_finish')});
    finish.addEventListener('click', async () => {
      try {
        await api('PUT', '/api/settings', {setup_done: true});
        sessionStorage.removeItem(SEEN);
        history.replaceState(null, '', '#state');
        beginAnew();
      } catch (error) {
        say(error.message, true);
      }
    });
    return el('section', {className: 'card'}, el('div', {className: 'big'}, icon('done')),
      el('h1', {textContent: t('setup_done_title')}), el('p', {className: 'soft', textContent: t('setup_done_text')}),
      el('div', {className: 'buttons'}, finish));
  }
}

async function load() {
  const rows = new Map();
  for (const page of PAGES) { // one after the other: the charger has little memory
    const {settings} = await api('GET', '/api/settings?page=' + page);
    settings.forEach((row) => rows.set(row.key, row));
  }
  return rows;
}

/** Show the page for the own password, or the set-up. */
export function show(main, session, address) {
  if (address === 'password' || session.restricted) {
    passwordPage(main, session);
    return () => {};
  }
  let isShown = true;
  main.replaceChildren(el('p', {className: 'soft', textContent: t('loading')}));
  load().then((rows) => isShown && new Setup(main, rows))
    .catch((error) => main.replaceChildren(el('p', {className: 'error', role: 'alert', textContent: error.message})));
  return () => { isShown = false; };
}
