// What happened on the board, and what the back office received.

import {call, el, toast} from './client.js';

const KEPT = 300;
const STATES = {A: 'no car', B: 'car connected', C: 'car asks for energy', D: 'car asks for energy and ventilation', E: 'short circuit', F: 'not available'};
const $ = (id) => document.getElementById(id);

function dutyWords(permille) {
  if (permille >= 1000) return 'Pilot steady high, no PWM';
  if (permille <= 0) return 'Pilot steady low';
  const amps = permille <= 850 ? permille * 0.06 : (permille - 640) * 0.25;
  return `Pilot offers ${amps.toFixed(1)} A (${(permille / 10).toFixed(1)} %)`;
}

function carWords(values) {
  const words = {
    plugged: (v) => (v ? 'plugged in' : 'unplugged'),
    ready: (v) => (v ? 'wants energy' : 'wants no energy'),
    s2_closed: (v) => (v ? 'closes S2' : 'opens S2'),
    soc: (v) => `battery at ${(v * 100).toFixed(0)} %`,
    max_a: (v) => `takes up to ${v} A`,
    cable_a: (v) => `cable for ${v} A`,
  };
  return 'Car ' + Object.entries(values).map(([key, value]) => (words[key] ? words[key](value) : `${key} ${value}`)).join(', ');
}

const WORDS = {
  coil: (v) => `Contactor coil ${v ? 'on' : 'off'}`,
  contactor: (v) => `Contacts ${v ? 'closed' : 'open'}`,
  duty: dutyWords,
  state: (v) => `Pilot state ${v}: ${STATES[v] || ''}`,
  lock: (v) => `Plug ${v ? 'locked' : 'unlocked'}`,
  power: (v) => `Supply ${v ? 'on' : 'cut'}`,
  led: (v) => Object.entries(v).map(([name, on]) => `${name} LED ${on === true ? 'on' : on === false ? 'off' : on}`).join(', '),
  vehicle: (v) => (v && typeof v === 'object' ? carWords(v) : `Car ${v}`),
};

function words(event) {
  const inWords = WORDS[event.what];
  return inWords ? inWords(event.value) : `${event.what} ${JSON.stringify(event.value)}`;
}

const time = (event) => (event.t_ms / 1000).toFixed(3);
let blinking = null; // the line on top, while it tells of a lamp: {name, count, line}

function lineOf(event) {
  const line = el('li', {}, el('time', {textContent: time(event)}), el('span', {textContent: words(event)}));
  const name = event.what === 'led' ? Object.keys(event.value)[0] : '';
  if (name && blinking && blinking.name === name) { // a flashing lamp shall not push the rest out of sight
    blinking.count += 1;
    blinking.line.firstChild.textContent = time(event);
    blinking.line.lastChild.textContent = `${words(event)}, change ${blinking.count}`;
    return null;
  }
  blinking = name ? {name, count: 1, line} : null;
  return line;
}

/** Put new events of a board on top; answers with the time of the last one. */
export function addEvents(events, board, since) {
  if (!since) blinking = null;
  const lines = events.filter((event) => event.board === board).map(lineOf).filter(Boolean);
  $('events').prepend(...lines.slice(-KEPT).reverse());
  while ($('events').children.length > KEPT) $('events').lastChild.remove();
  return events.length ? events[events.length - 1].t_ms : since;
}

async function ask(id, action, payload) {
  try {
    const answer = await call('POST', `/api/csms/${encodeURIComponent(id)}/call`, {action, payload});
    const {error} = answer;
    if (error) toast(`${action}: ${error.description || error.code || error}`);
    else toast(`${action}: ${(answer.result || answer).status || 'done'}`);
  } catch (error) {
    toast(`${action}: ${error.message}`);
  }
}

async function switchOffice(on) {
  try {
    await call('PUT', '/api/csms', {on});
    officeOn = on;
  } catch (error) {
    toast(`back office: ${error.message}`);
  }
}
let officeOn = true;
let shown = '';

function transactions(list) {
  const rows = list.slice(-6).reverse().map((one) => el('tr', {}, ...[
    one.id, one.idTag, (one.start || '').replace('T', ' ').replace('Z', ''),
    one.stop ? `${((one.meterStop - one.meterStart) / 1000).toFixed(2)} kWh, ${one.reason}` : 'running',
  ].map((text) => el('td', {textContent: text}))));
  const head = el('tr', {}, ...['No.', 'Card', 'Start (UTC)', 'Result'].map((text) => el('th', {textContent: text})));
  return el('div', {className: 'scroll'}, el('table', {}, head, ...rows));
}

function messages(list) {
  return el('div', {className: 'scroll'}, el('table', {}, ...list.slice(-12).reverse().map((one) => el('tr', {},
    el('td', {textContent: new Date(one.time * 1000).toTimeString().slice(0, 8)}), el('td', {textContent: one.action}),
    el('td', {}, el('code', {textContent: JSON.stringify(one.payload)}))))));
}

function chargePoint(id, record) {
  const running = record.transactions.filter((one) => !one.stop).pop();
  const status = record.status['1'] || record.status['0'] || {};
  const button = (text, action, payload, disabled) => el('button', {
    type: 'button', textContent: text, disabled: disabled || !record.connected, onclick: () => ask(id, action, payload),
  });
  return [
    el('p', {}, el('span', {className: `dot ${record.connected ? 'on' : ''}`}),
      `${id}: ${record.connected ? 'connected' : 'not connected'}, ${status.status || 'no status'}, ${record.boots} boots`),
    el('div', {className: 'row'},
      button('Remote start', 'RemoteStartTransaction', {connectorId: 1, idTag: '04A1B2C3D4E5F6'}, Boolean(running)),
      button('Remote stop', 'RemoteStopTransaction', {transactionId: running ? running.id : 0}, !running),
      button('Unlock', 'UnlockConnector', {connectorId: 1}), button('Soft reset', 'Reset', {type: 'Soft'})),
    record.transactions.length ? transactions(record.transactions) : '',
    messages(record.messages),
  ];
}

/** Show the back office's view of the chosen board, or of all when it has none with its name. */
export function showOffice(state, board) {
  $('office').hidden = false;
  const text = JSON.stringify([state, board.id, officeOn]);
  if (text === shown || $('office').matches(':active')) return;
  shown = text;
  const all = Object.entries(state);
  const own = all.filter(([id]) => id.includes(board.serial));
  const focus = $('office').contains(document.activeElement) ? document.activeElement.textContent : null;
  $('office').replaceChildren(
    el('h2', {textContent: 'Back office '}, el('small', {textContent: all.length ? 'OCPP 1.6' : 'nobody has connected yet'})),
    ...(own.length ? own : all).flatMap(([id, record]) => chargePoint(id, record)),
    el('div', {className: 'row'}, el('button', {
      type: 'button', textContent: officeOn ? 'Switch the back office off' : 'Switch the back office on', onclick: () => switchOffice(!officeOn),
    })));
  if (focus) [...$('office').querySelectorAll('button')].find((one) => one.textContent === focus)?.focus();
}
