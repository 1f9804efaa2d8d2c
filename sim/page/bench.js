// The bench's page: asks for the board's state four times a second and spreads it to the parts.

import {call, chosen, el} from './client.js';
import {addCarControls, addCardControls, addFaultControls, addPlaceControls} from './controls.js';
import {Chart, drawWave} from './drawing.js';
import {addEvents, showOffice} from './log.js';
import {drawScene} from './scene.js';

const POLL_MS = 250;
const OFFICE_POLLS = 4; // the back office is asked once in so many

const $ = (id) => document.getElementById(id);
const chart = new Chart($('chart'));
let boards = [];
let since = 0;
let polls = 0;

function choose(id) {
  chosen.board = id;
  chart.clear();
  $('events').replaceChildren();
  since = 0;
  const {web, serial} = boards.find((one) => one.id === id);
  $('web').href = web;
  $('web').title = `${web}, serial ${serial}`;
  [...$('tabs').children].forEach((tab) => tab.setAttribute('aria-current', String(Number(tab.value) === id)));
  history.replaceState(null, '', `#${id}`);
}

async function start() {
  boards = await call('GET', '/api/boards');
  $('tabs').replaceChildren(...boards.map((one) => el('button', {
    type: 'button', value: one.id, textContent: `Board ${one.id}`, onclick: () => choose(one.id),
  })));
  $('tabs').hidden = boards.length < 2;
  const wanted = Number(location.hash.slice(1));
  choose(boards.some((one) => one.id === wanted) ? wanted : boards[0].id);
}

function hotspotWords({on, ssid, hidden, security, guests}) {
  if (!on) return 'closed';
  return `${ssid}${hidden ? ', hidden' : ''}, ${security}, ${guests} on it`;
}

function showFacts(state) {
  const firmware = state.firmware;
  const facts = [
    ['Power', `${(state.meter.w / 1000).toFixed(2)} kW`],
    ['Energy', `${state.meter.kwh.toFixed(3)} kWh`],
    ['Firmware', firmware.running ? `${firmware.version || 'running'}` : 'not running'],
    ['Restarts', firmware.restarts],
    ['Free heap', `${(firmware.heap_free / 1024).toFixed(0)} kB (least ${(firmware.heap_low / 1024).toFixed(0)})`],
    ['Buzzer', state.buzzer ? 'sounds' : 'silent'],
    ['Hotspot', hotspotWords(state.hotspot)],
    ['Wi-Fi', state.radio.joined || 'not joined'],
  ];
  $('facts').replaceChildren(...facts.map(([name, value]) =>
    el('div', {}, el('dt', {textContent: name}), el('dd', {textContent: value}))));
}

function show(state) {
  chosen.state = state;
  drawScene(state);
  showFacts(state);
  drawWave($('wave'), state.pilot);
  const {duty_permille: duty, high_mv: high, low_mv: low} = state.pilot;
  $('pilot-words').textContent = `state ${state.pilot.vehicle_state} · ${(high / 1000).toFixed(1)} / ${(low / 1000).toFixed(1)} V · `
    + (duty >= 1000 || duty <= 0 ? 'no PWM' : `${(duty / 10).toFixed(1)} % = ${state.signaled_a.toFixed(1)} A`);
  $('meter-words').textContent = state.meter.a.map((a, i) => `L${i + 1} ${a.toFixed(1)} A ${state.meter.v[i].toFixed(0)} V`).join(' · ');
  chart.add(state.meter.a, state.signaled_a);
  document.dispatchEvent(new CustomEvent('board', {detail: state}));
}

async function poll() {
  const asked = chosen.board;
  try {
    if (!boards.length) await start();
    const state = await call('GET', `/api/boards/${chosen.board}`);
    const events = await call('GET', `/api/events?since=${since}`);
    if (asked === chosen.board || !asked) {
      show(state);
      since = addEvents(events, chosen.board, since);
    }
    if (polls++ % OFFICE_POLLS === 0) await pollOffice();
    $('offline').hidden = true;
  } catch (error) {
    if (!(error instanceof TypeError) && error.status === undefined) throw error;
    $('offline').hidden = false;
    boards = error.status === 404 ? [] : boards; // another bench has taken its place
  } finally {
    setTimeout(poll, document.hidden ? 4 * POLL_MS : POLL_MS);
  }
}

async function pollOffice() {
  try {
    showOffice(await call('GET', '/api/csms'), boards.find((one) => one.id === chosen.board));
  } catch (error) {
    $('office').hidden = error.status === 404;
    if (error.status === undefined) throw error;
  }
}

addCarControls($('car-controls'));
addCardControls($('card-controls'));
addPlaceControls($('place-controls'));
addFaultControls($('fault-controls'));
poll();
