// The STATE page: what the charger does now, and its readings.

import {el, live} from './app.js';

const STATUS = {
  Available: 'ready', Preparing: 'busy', Charging: 'busy', SuspendedEV: 'busy',
  SuspendedEVSE: 'busy', Finishing: 'busy', Reserved: 'busy', Faulted: 'fault',
};
const WORDS = {SuspendedEV: 'Paused by the car', SuspendedEVSE: 'Paused by the charger'};
const LISTS = [
  ['Charge point', [
    ['chargepoint_id', 'Chargepoint ID', 'Chargepoint identifier'],
    ['backend_state', 'Backend state', 'Connection with the back office'],
    ['chargepoint_state', 'Chargepoint state', 'State of the charging point'],
    ['charging_time', 'Charging time', 'Actual charging time, hh:mm:ss'],
    ['wlan_ip', 'WLAN IP', 'Address of the wireless connection'],
    ['lan_ip', 'LAN IP', 'Address of the cable connection'],
    ['access_point_operator', 'Access point operator', 'Name of the 4G operator'],
    ['controller_serial', 'Charge controller serial', 'Serial number'],
    ['version', 'Software version'],
  ]],
  ['Electrical', [
    ['voltage_l1', 'Voltage L1', 'Measured by the meter', 'V'],
    ['voltage_l2', 'Voltage L2', '', 'V'],
    ['voltage_l3', 'Voltage L3', '', 'V'],
    ['current_l1', 'Current L1', 'Measured by the meter', 'A'],
    ['current_l2', 'Current L2', '', 'A'],
    ['current_l3', 'Current L3', '', 'A'],
    ['power', 'Power', 'Computed from the meter', 'W'],
    ['energy', 'Energy', 'Register of the meter', 'kWh'],
  ]],
  ['Limits', [
    ['state_output_current_limit', 'Output current limit', 'Set by the operator', 'A'],
    ['signaled_current', 'Signaled current', 'From the charge point to the vehicle', 'A'],
    ['dlb_max', 'DLB max', 'Limit of the second meter', 'A'],
    ['dlb_l1', 'DLB L1', 'Measured by the second meter', 'A'],
    ['dlb_l2', 'DLB L2', '', 'A'],
    ['dlb_l3', 'DLB L3', '', 'A'],
  ]],
  ['Device', [
    ['temperature', 'Temperature', 'Measured by the charge controller', '°C'],
    ['contactor_cycles', 'Contactor cycles', 'Total number of switchings'],
    ['plug_cycles', 'Plug cycles', 'Number of times the plug was inserted'],
    ['heap_free', 'Free memory', '', 'bytes'],
    ['uptime_s', 'Running for', 'Since the controller started'],
  ]],
];

const absent = (value) => value === null || value === undefined || value === '';
const DECIMALS = {V: 1, A: 1, kWh: 2, '°C': 1};

function withUnit(value, unit) {
  if (absent(value)) return '–';
  if (!unit) return `${value}`;
  return `${unit in DECIMALS ? value.toFixed(DECIMALS[unit]) : value} ${unit}`;
}

function span(seconds) {
  const days = Math.floor(seconds / 86400);
  const time = new Date(seconds * 1000).toISOString().slice(11, 19);
  return days ? `${days} d ${time}` : time;
}

function figure(label) {
  const value = el('dd');
  return {box: el('div', {}, el('dt', {textContent: label}), value), value};
}

function hero() {
  const parts = {
    status: el('div', {className: 'status'}),
    reason: el('div', {className: 'reason'}),
    faults: el('div', {className: 'faults', role: 'alert', hidden: true}),
    power: figure('Power'), energy: figure('Charged'), time: figure('Time'), limit: figure('Limit'),
    phases: [1, 2, 3].map((n) => {
      const bar = el('meter', {min: 0, max: 32, ariaLabel: `Current of phase ${n}`});
      const text = el('output');
      return {bar, text, box: el('div', {className: 'phase'}, `L${n}`, bar, text)};
    }),
  };
  parts.box = el('section', {className: 'card hero', ariaLabel: 'State'},
    el('div', {className: 'head'}, parts.status, parts.reason), parts.faults,
    el('dl', {className: 'figures'},
      parts.power.box, parts.energy.box, parts.time.box, parts.limit.box),
    el('div', {className: 'phases'}, ...parts.phases.map((phase) => phase.box)));
  return parts;
}

function fillHero(parts, state) {
  parts.box.dataset.mood = STATUS[state.status] || 'off';
  parts.status.textContent = WORDS[state.status] || state.status;
  parts.reason.textContent = state.reason;
  parts.faults.hidden = !state.faults.length;
  parts.faults.textContent = 'Fault: ' + state.faults.join(', ').replaceAll('_', ' ');
  parts.power.value.textContent = absent(state.power) ? '–' : `${(state.power / 1000).toFixed(2)} kW`;
  parts.energy.value.textContent = state.session ? withUnit(state.session.energy_kwh, 'kWh') : '–';
  parts.time.value.textContent = state.session ? state.charging_time : '–';
  parts.limit.value.replaceChildren(withUnit(state.limit_a, 'A') + ' ', el('small', {textContent: state.limit_reason}));
  parts.phases.forEach((phase, i) => {
    const current = state[`current_l${i + 1}`];
    const voltage = state[`voltage_l${i + 1}`];
    phase.bar.max = Math.max(state.limit_a, 6) * 1.1;
    phase.bar.value = current || 0;
    phase.text.textContent = `${withUnit(current, 'A')} · ${withUnit(voltage, 'V')}`;
  });
}

function list([title, rows], values) {
  return el('section', {className: 'card'}, el('h2', {textContent: title}),
    el('dl', {className: 'list'}, ...rows.map(([key, label, hint, unit]) => {
      const value = el('dd', {textContent: '–'});
      values.push((state) => {
        const text = key === 'uptime_s' ? span(state[key]) : withUnit(state[key], unit);
        if (value.textContent !== text) value.textContent = text;
      });
      const term = el('dt', {textContent: label});
      if (hint) term.append(el('small', {textContent: hint}));
      return el('div', {}, term, value);
    })));
}

/** Show the page in `main`; answers with a function that ends it. */
export function show(main) {
  const top = hero();
  const values = [(state) => fillHero(top, state)];
  main.replaceChildren(el('h1', {className: 'skip', textContent: 'State'}), top.box,
    el('div', {className: 'lists'}, ...LISTS.map((rows) => list(rows, values))));
  const update = (state) => values.forEach((value) => value(state));
  if (live.state.status) update(live.state);
  live.listeners.add(update);
  return () => live.listeners.delete(update);
}
