// The top of the STATE page: what the charger does now and why, its faults, its buttons.

import {api} from './charger.js';
import {ask, el, say, t} from './dom.js';
import {absent, moment, plain, span, textOr, withUnit} from './units.js';

const MOODS = {
  Available: 'ready', Preparing: 'busy', Charging: 'charging', SuspendedEV: 'busy',
  SuspendedEVSE: 'busy', Finishing: 'ready', Reserved: 'busy', Faulted: 'fault',
};
const MINUTE = {hour: '2-digit', minute: '2-digit'};
const BUTTONS = ['start_charging', 'stop_charging', 'unlock_connector'];

const amperes = (value) => (absent(value) ? '–' : `${plain(value)}\u00a0A`);

/** A source of limits in the page's language. */
export function limitName(reason) {
  return textOr(`st_limit_${reason.replaceAll(' ', '_')}`, reason);
}

/** Fill a <dl> with [name, value, class] rows, when they are others than before. */
export function fillList(list, rows) {
  const told = JSON.stringify(rows);
  if (list.told === told) return;
  list.told = told;
  list.replaceChildren(...rows.map(([name, value, className = '']) => el('div', {},
    el('dt', {textContent: name}), el('dd', {className, textContent: value}))));
}

/** Why the charger is in its state, in a line. */
function explain(state) {
  const limit = limitName(state.limit_reason);
  const left = state.limit_left_s ? ` ${t('st_left', span(state.limit_left_s))}` : '';
  if (state.status === 'Charging') {
    return t('st_why_Charging', amperes(state.limit_a), limit) + left;
  }
  if (state.status === 'SuspendedEVSE') return t('st_why_SuspendedEVSE', limit) + left;
  if (state.status === 'Preparing') {
    if (state.session) return t('st_why_asking');
    return t(state.plugged ? 'st_why_card' : 'st_why_plug');
  }
  if (state.status === 'SuspendedEV' && !state.plugged) return t('st_why_unplugged');
  if (state.status === 'Faulted') return state.faults.length ? '' : state.reason;
  return textOr(`st_why_${state.status}`, state.reason);
}

/** When a fault began: the time of day, or how long ago while the charger has no clock. */
function since(fault, state) {
  if (!fault.since) return t('st_ago', span(Math.max(0, state.uptime_s - fault.since_uptime_s)));
  const isToday = state.unix_s - fault.since < 72000;
  return t('st_since', moment(fault.since * 1000, isToday ? MINUTE
    : {...MINUTE, day: 'numeric', month: 'short'}));
}

function faultCard(fault, state) {
  const advice = textOr(`st_advice_${fault.name}`, '');
  return el('div', {className: 'fault'},
    el('strong', {textContent: textOr(`st_fault_${fault.name}`, fault.reason)}),
    el('small', {textContent: since(fault, state)}),
    advice && el('p', {textContent: advice}));
}

/** The faults with what to do about them; read out once when they change, not each second. */
function makeFaults() {
  const box = el('div', {className: 'faults', role: 'alert', hidden: true});
  let told = '';
  const update = (state) => {
    const faults = state.active_faults || [];
    const names = faults.map((fault) => `${fault.name} ${fault.since_uptime_s}`).join();
    if (names === told) return;
    told = names;
    box.hidden = !faults.length;
    box.replaceChildren(...faults.map((fault) => faultCard(fault, state)));
  };
  return {box, update};
}

function figure(label, unit) {
  const value = el('dd');
  return {box: el('div', {}, el('dt', {textContent: t(label)}), value), value, unit};
}

/** What the session has so far. */
function makeFigures() {
  const energy = figure('st_charged');
  const time = figure('st_time_charging');
  const card = figure('st_card');
  const box = el('dl', {className: 'figures'}, energy.box, time.box, card.box);
  const update = (state) => {
    const {session} = state;
    box.hidden = !session;
    if (!session) return;
    energy.value.textContent = withUnit(session.energy_kwh, 'kWh');
    time.value.textContent = state.charging_time;
    card.value.textContent = session.id_tag || '–';
  };
  return {box, update};
}

function makePhase(n) {
  const bar = el('i');
  const track = el('span', {className: 'level', 'aria-hidden': 'true'}, bar);
  const current = el('span');
  const voltage = el('span', {className: 'soft'});
  const box = el('li', {className: 'phase'}, el('b', {textContent: `L${n}`}), track, current, voltage);
  const update = (state) => {
    const amps = state[`current_l${n}`];
    const volts = state[`voltage_l${n}`];
    box.hidden = absent(amps) && absent(volts);
    const share = Math.min(1, Math.max(0, amps || 0) / Math.max(state.limit_a, 6));
    bar.style.width = `${Math.round(share * 100)}%`;
    current.textContent = withUnit(amps, 'A');
    voltage.textContent = withUnit(volts, 'V');
  };
  return {box, update};
}

/** Current and voltage of the phases that are measured. */
function makePhases() {
  const phases = [1, 2, 3].map(makePhase);
  const box = el('ul', {className: 'phases', 'aria-label': t('st_phases')},
    ...phases.map((phase) => phase.box));
  return {box, update: (state) => phases.forEach((phase) => phase.update(state))};
}

/** The effective limit with whose it is; all limits behind it, the smallest first. */
function makeLimits() {
  const amount = el('b');
  const reason = el('span');
  const all = el('dl', {className: 'list'});
  const box = el('details', {className: 'limits'},
    el('summary', {}, el('span', {className: 'soft', textContent: t('st_limit')}), ' ', amount, ' ', reason), all);
  const update = (state) => {
    amount.textContent = `${amperes(state.limit_a)}:`;
    reason.textContent = limitName(state.limit_reason);
    const rows = Object.entries(state.limits || {}).sort((one, other) => one[1] - other[1]);
    fillList(all, rows.map(([source, limit]) =>
      [limitName(source), limit ? amperes(limit) : t('st_pauses')]));
  };
  return {box, update};
}

async function act(key, state) {
  if (key === 'unlock_connector' && state.session
    && !await ask(t('st_unlock_connector'), t('st_unlock_ends'), t('st_unlock_connector'), t('cancel'))) {
    return;
  }
  try {
    await api('POST', `/api/actions/${key}`, {value: ''});
    say(t(key === 'start_charging' && !state.plugged ? 'st_why_plug' : `st_done_${key}`));
  } catch (error) {
    say(error.message, true);
  }
}

/** Buttons for those who may use them, as the charger's own table of rights says. */
function makeButtons(session) {
  let latest = {};
  const made = {};
  for (const key of BUTTONS) {
    made[key] = el('button', {type: 'button', hidden: true, textContent: t(`st_${key}`),
      className: key === 'unlock_connector' ? 'second' : '', onclick: async () => {
        made[key].disabled = true;
        await act(key, latest);
        made[key].disabled = false;
      }});
  }
  const box = el('div', {className: 'buttons', hidden: true}, ...BUTTONS.map((key) => made[key]));
  const rights = new Set();
  const update = (state) => {
    latest = state;
    box.hidden = !rights.size;
    const isRunning = Boolean(state.session) || (state.status === 'Preparing' && !state.plugged);
    made.start_charging.hidden = !rights.has('start_charging') || isRunning
      || state.status === 'Faulted';
    made.stop_charging.hidden = !rights.has('stop_charging') || !isRunning;
    made.unlock_connector.hidden = !rights.has('unlock_connector')
      || !state.plugged || !state.outlet;
  };
  if (!session.locked) {
    api('GET', '/api/settings?page=STATE').then(({settings}) => {
      settings.filter((row) => row.writable).forEach((row) => rights.add(row.key));
      update(latest);
    }).catch((error) => say(error.message, true));
  }
  return {box, update};
}

/** The card with all of it: its box, and update(state). */
export function makeNow(session) {
  const status = el('p', {className: 'status'});
  const reason = el('p', {className: 'soft'});
  const power = el('p', {className: 'power'});
  const parts = [makeFaults(), makeFigures(), makePhases(), makeLimits(), makeButtons(session)];
  const [faults, figures, phases, limits, buttons] = parts;
  const box = el('section', {className: 'card now', 'aria-label': t('st_now')},
    el('div', {className: 'head'}, el('div', {}, status, reason), power),
    faults.box, figures.box, phases.box, limits.box, buttons.box);
  const update = (state) => {
    box.dataset.mood = MOODS[state.status] || 'off';
    status.textContent = textOr(`status_${state.status}`, state.status);
    reason.textContent = explain(state);
    const isIdle = absent(state.power) || !(state.session || state.power);
    power.textContent = isIdle ? '' : withUnit(state.power / 1000, 'kW');
    parts.forEach((part) => part.update(state));
  };
  return {box, update};
}
