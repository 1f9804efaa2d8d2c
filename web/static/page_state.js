// The STATE page: what the charger does now, the last hour, its links, its sessions, its readings.

import {live} from './charger.js';
import {el, labelOf, t} from './dom.js';
import {fillList, makeNow} from './state_now.js';
import './state_sheet.js';
import {absent, span, textOr, withUnit} from './units.js';

const SIGNAL = [[-60, 'st_signal_strong'], [-72, 'st_signal_fair'], [-200, 'st_signal_weak']];
const READINGS = [
  ['st_readings', [
    ['energy', 'kWh'], ['power', 'W'], ['signaled_current', 'A'],
    ['state_output_current_limit', 'A'], ['temperature', '°C'],
    ['dlb_max', 'A'], ['dlb_l1', 'A'], ['dlb_l2', 'A'], ['dlb_l3', 'A'],
  ]],
  ['st_device', [
    ['chargepoint_id'], ['controller_serial'], ['software_version'],
    ['contactor_cycles'], ['plug_cycles'],
  ]],
];

/** A signal's strength in words, with the figure. */
function signal(rssiDbm) {
  if (absent(rssiDbm)) return '';
  const [, word] = SIGNAL.find(([least]) => rssiDbm >= least) || SIGNAL[2];
  return ` · ${t(word)} (${rssiDbm} dBm)`;
}

/** The back office's state: a word of the page's language, and the reason as it was given. */
function backend(text) {
  const [word, ...reason] = (text || 'Off').split(': ');
  const mood = {Connected: 'good', Off: 'off'}[word] || 'bad';
  return [[textOr(`st_backend_${word.replaceAll(' ', '_')}`, word), ...reason].join(': '), mood];
}

/** Each link as [name, words, mood]. */
function linksOf(state) {
  const links = state.links || {};
  const reached = (address, more = '') => (address ? [address + more, 'good']
    : [t('st_not_connected'), 'off']);
  return [
    [t('st_backend'), ...backend(state.backend_state)],
    [t('st_wlan'), ...(!state.wlan_ip && links.wlan_trouble ? [links.wlan_trouble, 'bad']
      : reached(state.wlan_ip, signal(links.wlan_rssi_dbm)))],
    [t('st_lan'), ...reached(state.lan_ip)],
    [t('st_cellular'), ...reached(state.access_point_operator)],
    [t('st_hotspot'), ...(links.hotspot ? [t('st_hotspot_open'), 'good'] : [t('st_hotspot_closed'), 'off'])],
  ];
}

function makeLinks() {
  const list = el('dl', {className: 'list links'});
  const box = el('section', {className: 'card'}, el('h2', {textContent: t('st_links')}), list);
  const update = (state) => {
    fillList(list, linksOf(state));
  };
  return {box, update};
}

function makeReadings([title, rows]) {
  const list = el('dl', {className: 'list'});
  const values = rows.map(([key, unit]) => {
    const value = el('dd');
    const row = el('div', {}, el('dt', {textContent: labelOf(key)}), value);
    list.append(row);
    return (state) => {
      const reading = key === 'software_version' ? state.version : state[key];
      row.hidden = absent(reading);
      value.textContent = withUnit(reading, unit);
    };
  });
  const box = el('section', {className: 'card'}, el('h2', {textContent: t(title)}), list);
  return {box, update: (state) => values.forEach((value) => value(state))};
}

/** What only those want to know who look for a cause; the manufacturer finds the calibration here. */
function makeDetails(session) {
  const list = el('dl', {className: 'list'});
  const place = el('div');
  const box = el('details', {className: 'card'},
    el('summary', {textContent: t('st_details')}), list, place);
  const update = (state) => {
    if (!box.open) return;
    const {pilot} = state;
    const volts = [pilot.high_mv, pilot.low_mv].map((mv) => (mv / 1000).toFixed(2)).join(' / ');
    const heap = [state.heap_free, state.heap_free + state.heap_used]
      .map((bytes) => Math.round(bytes / 1024));
    const rows = [
      [t('st_pilot_state'), state.state],
      [t('st_pilot'), `${volts} V, ${pilot.duty_permille / 10} %`],
      [t('st_contactor'), t(state.contactor_closed ? 'st_closed' : 'st_open')],
      [t('st_heap'), absent(state.heap_free) ? '–' : t('st_heap_of', ...heap)],
      [t('st_uptime'), span(state.uptime_s)],
    ];
    fillList(list, rows);
  };
  if (session.role === 'manufacturer' && !session.locked) {
    place.append(el('button', {type: 'button', className: 'second', textContent: t('cal_open'),
      onclick: async () => (await import('./calibration.js')).open()}));
  }
  box.addEventListener('toggle', () => update(live.state));
  return {box, update};
}

/** Put chart and sessions in their places, one after the other: the charger has few connections. */
async function addMore(place, isShown, parts) {
  const {HourChart} = await import('./chart.js');
  if (isShown() && place.chart.isConnected) {
    const chart = new HourChart();
    place.chart.replaceWith(chart.box);
    parts.push({update: (state) => chart.take(state), end: () => chart.end()});
    chart.take(live.state);
  }
  const {SessionList} = await import('./sessions.js');
  if (isShown() && place.sessions.isConnected) {
    const sessions = new SessionList();
    place.sessions.replaceWith(sessions.box);
    parts.push({update: (state) => sessions.take(state)});
    sessions.take(live.state);
  }
}

/** Show the page in `main`; answers with a function that ends it. */
export function show(main, session) {
  const now = makeNow(session);
  const links = makeLinks();
  const readings = READINGS.map(makeReadings);
  const details = makeDetails(session);
  const parts = [now, links, ...readings, details];
  const place = {chart: el('section', {className: 'card later', hidden: session.locked}),
    sessions: el('section', {className: 'card', hidden: session.locked})};
  main.replaceChildren(el('div', {className: 'state'},
    el('h1', {className: 'skip', textContent: t('page_STATE')}), now.box,
    el('div', {className: 'two'}, place.chart, links.box), place.sessions,
    el('div', {className: 'two'}, ...readings.map((part) => part.box)), details.box));
  let isShown = true;
  let hasMore = session.locked;
  const update = (state) => {
    parts.forEach((part) => part.update(state));
    if (hasMore) return;
    hasMore = true;
    addMore(place, () => isShown, parts).catch(() => { hasMore = false; }); // with the next state again
  };
  if (live.state.status) update(live.state);
  live.listeners.add(update);
  return () => {
    isShown = false;
    live.listeners.delete(update);
    parts.forEach((part) => part.end && part.end());
  };
}
