// Switches, sliders and fields. Each follows the board's state, unless somebody is using it.

import {call, change, chosen, el, toast} from './client.js';

const CARDS = [['04A1B2C3D4E5F6', 'a driver'], ['0BADCAFE', 'another'], ['DEADBEEF', 'blocked'], ['DEAD0001', 'expired'], ['DEAD0002', 'invalid']];
const FAULTS = [
  'welded_contactor', 'contactor_fails_to_close', 'cp_short', 'diode_short', 'pe_open', 'pp_open', 'rcm_trip',
  'rcm_test_fails', 'lock_jams', 'meter_silent', 'meter_corrupt', 'dlb_meter_silent', 'reader_silent',
];
const HOLD_BACK_MS = 800; // after a change, until the state shows it

const follow = (update) => document.addEventListener('board', (event) => update(event.detail));

/** A button that shows and switches a truth value. */
function toggle(words, read, write, className = '') {
  const button = el('button', {type: 'button', className});
  let quietUntil = 0;
  const paint = (on) => {
    button.setAttribute('aria-pressed', String(on));
    button.textContent = Array.isArray(words) ? words[on ? 1 : 0] : words;
  };
  paint(false);
  button.addEventListener('click', () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    quietUntil = Date.now() + HOLD_BACK_MS;
    paint(on);
    write(on);
  });
  follow((state) => { if (Date.now() > quietUntil) paint(Boolean(read(state))); });
  return button;
}

/** Let an input follow the state except while it has the focus or was just changed. */
function bind(input, read, write, after = () => {}) {
  let quietUntil = 0;
  input.addEventListener('input', after);
  input.addEventListener('change', () => {
    quietUntil = Date.now() + HOLD_BACK_MS;
    write(input.value);
  });
  follow((state) => {
    const used = document.activeElement === input && input.type !== 'range';
    if (used || Date.now() < quietUntil || input.matches(':active')) return;
    const value = String(read(state));
    if (input.value !== value) input.value = value;
    after();
  });
  return input;
}

function slider(label, limits, read, write, words) {
  const shown = el('output');
  const input = el('input', {type: 'range', ...limits, ariaLabel: label});
  bind(input, read, (value) => write(Number(value)), () => { shown.textContent = words(Number(input.value)); });
  return el('label', {className: 'field'}, label, input, shown);
}

function choice(label, options, read, write) {
  const select = el('select', {}, ...options.map(([value, text]) => el('option', {value, textContent: text})));
  return el('label', {className: 'field'}, label, bind(select, read, (value) => write(Number(value))));
}

function three(label, read, write, step) {
  const inputs = [0, 1, 2].map((i) => {
    const input = el('input', {type: 'number', step, min: 0, ariaLabel: `${label} L${i + 1}`});
    return bind(input, (state) => read(state)[i], () => write(inputs.map((one) => Number(one.value))));
  });
  return el('div', {className: 'field'}, label, el('div', {className: 'three wide'}, ...inputs));
}

const row = (...children) => el('div', {className: 'row'}, ...children);
const car = (values) => change('PUT', 'vehicle', values);

/** Car: plug, wish to charge, size, cable. */
export function addCarControls(box) {
  box.append(
    row(
      toggle(['Plug in', 'Unplug'], (s) => s.vehicle.plugged, (on) => car({plugged: on}), 'main'),
      toggle(['Wants no energy', 'Wants energy'], (s) => s.vehicle.ready, (on) => car({ready: on})),
    ),
    slider('Takes up to', {min: 0, max: 63, step: 1}, (s) => s.vehicle.max_a, (a) => car({max_a: a}), (a) => `${a} A`),
    slider('Charged to', {min: 0, max: 1, step: 0.01}, (s) => s.vehicle.soc, (soc) => car({soc}), (soc) => `${Math.round(soc * 100)} %`),
    choice('Phases', [[1, '1'], [2, '2'], [3, '3']], (s) => s.vehicle.phases, (phases) => car({phases})),
    choice('Cable', [[13, '13 A'], [20, '20 A'], [32, '32 A'], [63, '63 A']], (s) => s.vehicle.cable_a, (a) => car({cable_a: a})),
    choice('Battery', [[10, '10 kWh'], [30, '30 kWh'], [50, '50 kWh'], [77, '77 kWh'], [100, '100 kWh']], (s) => s.vehicle.battery_kwh, (kwh) => car({battery_kwh: kwh})),
    row(
      toggle('Needs ventilation', (s) => s.vehicle.ventilation, (on) => car({ventilation: on})),
      toggle(['Ignores the pilot', 'Obeys the pilot'], (s) => s.vehicle.obeys_pilot, (on) => car({obeys_pilot: on})),
    ),
    row(
      toggle(['Sleeps', 'Awake'], (s) => !s.vehicle.asleep, (on) => car({asleep: !on})),
      toggle('Simplified pilot', (s) => s.vehicle.simplified, (on) => car({simplified: on})),
    ),
  );
}

/** Card at the reader; supply, button and a held loop. */
export function addCardControls(box) {
  const uid = el('input', {value: CARDS[0][0], ariaLabel: 'Card number', spellcheck: false, autocomplete: 'off', maxLength: 20});
  const hold = () => change('POST', 'card', {uid: uid.value.trim(), hold_ms: 500});
  document.addEventListener('hold-card', hold);
  uid.addEventListener('keydown', (event) => { if (event.key === 'Enter') hold(); });
  const presets = CARDS.map(([number, who]) => el('button', {
    type: 'button', textContent: `${number} · ${who}`, onclick: () => { uid.value = number; hold(); },
  }));
  box.append(
    el('div', {className: 'field'}, 'Card', uid, el('button', {type: 'button', className: 'main', textContent: 'Hold', onclick: hold})),
    el('div', {className: 'row chips'}, ...presets),
    row(
      toggle(['Switch supply on', 'Cut the supply'], (s) => (s.powered === undefined ? s.firmware.running : s.powered), (on) => change('PUT', 'power', {on}), 'danger'),
      el('button', {type: 'button', textContent: 'Hold the loop 2 s', onclick: () => change('PUT', 'hang', {ms: 2000})}),
    ),
    row(
      el('button', {type: 'button', textContent: 'Press button', onclick: () => change('POST', 'button', {hold_ms: 100})}),
      el('button', {type: 'button', textContent: 'Hold it 10 s', onclick: () => change('POST', 'button', {hold_ms: 10000})}),
    ),
  );
}

async function setBus(values) {
  try {
    await call('PUT', '/api/bus', values);
  } catch (error) {
    toast(`bus: ${error.message}`);
  }
}

let noise = 0; // the bus tells nobody how noisy it is but who asks for it

/** Mains, house, temperature, DIP switches, networks, group bus. */
export function addPlaceControls(box) {
  const dip = (values) => change('PUT', 'dip', {...(chosen.state.dip || {}), ...values});
  box.append(
    three('Mains, V', (s) => (s.mains ? s.mains.v : s.meter.v), (v) => change('PUT', 'mains', {v}), 1),
    three('House, A', (s) => s.house_a, (a) => change('PUT', 'house', {a}), 0.5),
    slider('Temperature', {min: -30, max: 110, step: 1}, (s) => s.temperature_c, (c) => change('PUT', 'temperature', {c}), (c) => `${c} °C`),
    choice('Guests on the hotspot', [0, 1, 2, 3, 4].map((guests) => [guests, guests]), (s) => s.hotspot.guests, (guests) => change('PUT', 'network', {hotspot_guests: guests})),
    choice('DIP switches', [6, 10, 13, 16, 20, 25, 32, 63].map((a) => [a, `${a} A`]), (s) => (s.dip ? s.dip.max_a : 32), (a) => dip({max_a: a})),
    slider('Bus noise', {min: 0, max: 0.2, step: 0.005}, () => noise, (value) => { noise = value; setBus({noise}); }, (value) => `${(value * 100).toFixed(1)} %`),
    row(
      ...['wlan', 'lan', 'cellular'].map((name) =>
        toggle(name.toUpperCase(), (s) => (s.network ? s.network[name] : true), (on) => change('PUT', 'network', {[name]: on}))),
      toggle('DIP reset', (s) => s.dip && s.dip.factory_reset, (on) => dip({factory_reset: on}), 'danger'),
    ),
  );
}
/** One switch a fault. */
export function addFaultControls(box) {
  box.append(el('div', {className: 'row chips'}, ...FAULTS.map((name) =>
    toggle(name.replaceAll('_', ' '), (s) => s.faults.includes(name), (on) => change('PUT', 'faults', {[name]: on}), 'danger'))));
}
