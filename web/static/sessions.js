// The sessions of the last weeks, newest first, with totals by week and the whole log as CSV.

import {api} from './charger.js';
import {el, t} from './dom.js';
import {moment, span, textOr, withUnit} from './units.js';

const A_PAGE = 12;
const KEPT_MS = 1500; // by then a session that has ended is on flash
const DAY_MS = 86400000;

/** The Monday, at midnight in the browser's time zone, of a session's week; 0 without a time. */
function weekOf(session) {
  if (!session.start_unix_s) return 0;
  const day = new Date(session.start_unix_s * 1000);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - (day.getDay() + 6) % 7);
  return day.getTime();
}

function weekName(monday) {
  if (!monday) return t('st_no_time');
  const day = {day: 'numeric', month: 'short'};
  return `${moment(monday, day)} – ${moment(monday + 6.5 * DAY_MS, day)}`;
}

function row(session) {
  const began = session.start_unix_s * 1000;
  const start = began ? moment(began,
    {weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'})
    : `${t('st_number')} ${session.number}`;
  const cells = [
    ['', span(session.duration_s)],
    ['energy', withUnit(session.energy_wh / 1000, 'kWh')],
    ['', session.id_tag || '–'],
    ['', textOr(`st_reason_${session.reason}`, session.reason)],
  ];
  // Roles, since a phone has the cells of a row below each other, which takes theirs away.
  return el('tr', {role: 'row'}, el('th', {scope: 'row', role: 'rowheader', textContent: start}),
    ...cells.map(([className, textContent]) => el('td', {role: 'cell', className, textContent})));
}

/** A week's rows below its name and totals; `more`: some of its sessions are not shown yet. */
function week(monday, sessions, more) {
  const energy = sessions.reduce((sum, session) => sum + session.energy_wh, 0) / 1000;
  const totals = `${sessions.length} ${t(sessions.length === 1 ? 'st_session' : 'st_sessions')} · `
    + `${withUnit(energy, 'kWh')}${more ? ` ${t('st_so_far')}` : ''}`;
  const head = el('th', {colSpan: 5, scope: 'rowgroup', role: 'rowheader', className: 'week'},
    el('span', {textContent: weekName(monday)}), el('span', {textContent: totals}));
  return el('tbody', {role: 'rowgroup'}, el('tr', {role: 'row'}, head), ...sessions.map(row));
}

/** The list: `box` is its element, `take(state)` looks again when a session ends. */
export class SessionList {
  constructor() {
    this.sessions = [];
    this.next = null;
    this.running = undefined; // number of the session that the last state told of
    this.table = el('table', {className: 'sessions', role: 'table', 'aria-label': t('st_charge_log')});
    this.note = el('p', {className: 'soft', role: 'status'});
    this.more = el('button', {type: 'button', className: 'second', textContent: t('st_older'),
      hidden: true, onclick: () => this.load(this.next)});
    this.box = el('section', {className: 'card'},
      el('div', {className: 'title'}, el('h2', {textContent: t('st_charge_log')}),
        el('a', {href: '/api/sessions.csv', download: 'sessions.csv', textContent: t('st_csv')})),
      this.note, this.table, this.more);
  }

  take(state) {
    const running = state.session ? state.session.number : null;
    if (running === this.running) return;
    const isFirst = this.running === undefined;
    this.running = running;
    if (isFirst) this.load(null);
    else if (running === null) setTimeout(() => this.load(null), KEPT_MS);
  }

  async load(from) {
    this.more.disabled = true;
    try {
      const start = from === null ? '' : `&from=${from}`;
      const found = await api('GET', `/api/sessions?limit=${A_PAGE}${start}`);
      this.sessions = from === null ? found.sessions : this.sessions.concat(found.sessions);
      this.next = found.next;
      this.note.textContent = this.sessions.length ? '' : t('st_no_sessions');
    } catch (error) {
      this.note.textContent = error.message;
    }
    this.more.disabled = false;
    this.more.hidden = this.next === null;
    this.draw();
  }

  draw() {
    const heads = ['st_start', 'st_duration', 'st_energy', 'st_card', 'st_ended_by'];
    const weeks = new Map();
    for (const session of this.sessions) {
      const monday = weekOf(session);
      weeks.set(monday, [...(weeks.get(monday) || []), session]);
    }
    this.note.hidden = !this.note.textContent;
    this.table.hidden = !weeks.size;
    this.table.replaceChildren(
      el('thead', {role: 'rowgroup'}, el('tr', {role: 'row'}, ...heads.map((key) =>
        el('th', {scope: 'col', role: 'columnheader', textContent: t(key)})))),
      ...[...weeks].map(([monday, sessions], i) =>
        week(monday, sessions, this.next !== null && i === weeks.size - 1)));
  }
}
