// The last hour of power and current, drawn as two plots over one axis of time.

import {api} from './charger.js';
import {el, t} from './dom.js';
import {absent, moment, plain, withUnit} from './units.js';

const HOUR_S = 3600;
const LIVE_S = 10; // between two points that the live state adds
const GAP_S = 150; // a line is not drawn over a longer silence
const LEFT = 36, RIGHT = 4, TOP = 22, HEIGHT = 96, SPACE = 34, FOOT = 22;
const KINDS = [ // `least`: the scale of a plot with nothing to show
  {key: 'power', unit: 'kW', label: 'st_power', least: 1},
  {key: 'current', unit: 'A', label: 'st_current', least: 6},
];

const round = (place) => Math.round(place * 10) / 10;

/** A moment as a time of the day. */
export const timeText = (unixMs) => moment(unixMs, {hour: '2-digit', minute: '2-digit'});

/** Make an element of a picture. */
export function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  made.append(...children);
  return made;
}

/** The highest phase's current in A; null when none is measured. */
function highest(state) {
  const known = [state.current_l1, state.current_l2, state.current_l3].filter((a) => !absent(a));
  return known.length ? Math.max(...known) : null;
}

/** Round steps from 0 to the first that is not below a value. */
function steps(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [0.5, 1, 2, 5].map((one) => one * power).find((one) => one * 3 >= value) || value;
  return Array.from({length: Math.ceil(value / step - 1e-9) + 1}, (_, i) => i * step);
}

/** A scale from 0 to at least `value`: its lines with their figures, and y(value) in a place on the picture. */
export function gridOf(value, {left, right, top, height}) {
  const scale = steps(value);
  const most = scale[scale.length - 1];
  const y = (one) => round(top + height - Math.max(one, 0) / most * height);
  const lines = scale.flatMap((step) => [
    svg('line', {class: 'grid', x1: left, x2: right, y1: y(step), y2: y(step)}),
    svg('text', {x: left - 6, y: y(step) + 4, 'text-anchor': 'end'}, plain(step))]);
  return {y, lines};
}

/** A history's points {at (s of uptime), power (kW), current (A)}, oldest first. */
function pointsOf(history) {
  const last = history.current_da.length - 1;
  return history.current_da.map((current, i) => ({
    at: history.end_uptime_s - (last - i) * history.period_s,
    current: absent(current) ? null : current / 10,
    power: absent(history.power_10w[i]) ? null : history.power_10w[i] / 100,
  }));
}

/** What was measured of one kind, in runs without gaps. */
export function runs(points, key) {
  const found = [];
  let before = -Infinity;
  for (const point of points) {
    if (absent(point[key])) continue;
    if (point.at - before > GAP_S) found.push([]);
    found[found.length - 1].push(point);
    before = point.at;
  }
  return found;
}

/** The chart: `box` is its element, `take(state)` goes on with the live state, `end()` ends it. */
export class HourChart {
  constructor() {
    this.points = [];
    this.at = 0; // uptime of the last state, in s, and the browser's time then
    this.unixMs = 0;
    this.loading = false;
    this.picture = svg('svg', {role: 'img', class: 'chart', 'aria-label': t('st_last_hour')});
    this.readout = el('p', {className: 'readout', ariaHidden: 'true'});
    this.table = el('tbody');
    const heads = ['st_time', 'st_power', 'st_current'].map((key) =>
      el('th', {scope: 'col', textContent: t(key)}));
    this.box = el('section', {className: 'card'},
      el('div', {className: 'title'}, el('h2', {textContent: t('st_last_hour')}), this.readout),
      this.picture,
      el('details', {}, el('summary', {textContent: t('st_as_table')}),
        el('table', {className: 'minutes'}, el('thead', {}, el('tr', {}, ...heads)), this.table)));
    for (const event of ['pointermove', 'pointerdown']) {
      this.picture.addEventListener(event, (moved) => this.point(moved.offsetX));
    }
    this.picture.addEventListener('pointerleave', () => this.hide());
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.box);
  }

  end() {
    this.watcher.disconnect();
  }

  take(state) {
    if (absent(state.uptime_s)) return;
    const started = !this.at || state.uptime_s < this.at;
    this.at = state.uptime_s;
    this.unixMs = Date.now();
    if (started) {
      this.load();
      return;
    }
    const last = this.points[this.points.length - 1];
    if (this.loading || (last && this.at - last.at < LIVE_S)) return;
    const power = absent(state.power) ? null : state.power / 1000;
    this.points.push({at: this.at, current: highest(state), power});
    this.draw();
  }

  async load() {
    this.loading = true;
    this.points = [];
    try {
      this.points = pointsOf(await api('GET', '/api/history'));
    } catch { /* the live values will do */ }
    this.loading = false;
    this.draw();
  }

  timeOf(at) {
    return timeText(this.unixMs - (this.at - at) * 1000);
  }

  known(key) {
    return this.points.map((point) => point[key]).filter((value) => !absent(value));
  }

  place(at) {
    return round(LEFT + (1 - (this.at - at) / HOUR_S) * (this.width - LEFT - RIGHT));
  }

  draw() {
    if (!this.at) return;
    this.points = this.points.filter((point) => point.at > this.at - HOUR_S);
    this.width = Math.max(this.picture.clientWidth, 240);
    const height = 2 * (TOP + HEIGHT) + SPACE - TOP + FOOT;
    this.picture.setAttribute('viewBox', `0 0 ${this.width} ${height}`);
    this.picture.setAttribute('height', height);
    this.picture.setAttribute('aria-label', this.summary());
    this.cursor = svg('line', {class: 'cursor', y1: TOP, y2: height - FOOT, visibility: 'hidden'});
    this.picture.replaceChildren(
      ...KINDS.map((kind, i) => this.plot(kind, TOP + i * (HEIGHT + SPACE))),
      ...this.times(height - 4), this.cursor);
    this.fillTable();
  }

  plot({key, unit, label, least}, top) {
    const bottom = top + HEIGHT;
    const {y, lines: grid} = gridOf(Math.max(least, ...this.known(key)),
      {left: LEFT, right: this.width - RIGHT, top, height: HEIGHT});
    const lines = runs(this.points, key).map((run) =>
      run.map((point) => `${this.place(point.at)} ${y(point[key])}`).join('L'));
    const areas = runs(this.points, key).map((run, i) => `M${this.place(run[0].at)} ${bottom}`
      + `L${lines[i]}L${this.place(run[run.length - 1].at)} ${bottom}Z`);
    return svg('g', {class: key},
      svg('text', {class: 'name', x: 0, y: top - 9}, `${t(label)}, ${unit}`),
      ...grid,
      svg('path', {class: 'area', d: areas.join('')}),
      svg('path', {class: 'line', d: lines.map((line) => `M${line}`).join('')}));
  }

  times(y) {
    const marks = this.width < 330 ? [60, 30, 0] : [60, 45, 30, 15, 0];
    return marks.map((minutes) => {
      const at = this.at - minutes * 60;
      const anchor = {60: 'start', 0: 'end'}[minutes] || 'middle';
      return svg('text', {x: this.place(at), y, 'text-anchor': anchor}, this.timeOf(at));
    });
  }

  /** The picture in words, for those who do not see it. */
  summary() {
    return KINDS.map(({key, unit, label}) => {
      const known = this.known(key);
      if (!known.length) return `${t(label)}: ${t('st_nothing_measured')}.`;
      return t('st_chart_summary', t(label), withUnit(known[known.length - 1], unit),
        withUnit(Math.max(...known), unit));
    }).join(' ');
  }

  /** Means of ten minutes each, newest first. */
  fillTable() {
    this.table.replaceChildren(...[0, 1, 2, 3, 4, 5].map((tens) => {
      const end = this.at - tens * 600;
      const these = this.points.filter((point) => point.at > end - 600 && point.at <= end);
      return el('tr', {},
        el('th', {scope: 'row', textContent: `${this.timeOf(end - 600)} – ${this.timeOf(end)}`}),
        ...KINDS.map(({key, unit}) => {
          const known = these.map((point) => point[key]).filter((value) => !absent(value));
          const sum = known.reduce((total, value) => total + value, 0);
          return el('td', {textContent: withUnit(known.length ? sum / known.length : null, unit)});
        }));
    }));
  }

  /** Tell the values of the point nearest to where the pointer is. */
  point(x) {
    const distance = (one) => Math.abs(this.place(one.at) - x);
    const nearest = this.points.reduce((best, one) =>
      (!best || distance(one) <= distance(best) ? one : best), null);
    if (!nearest) return;
    this.cursor.setAttribute('x1', this.place(nearest.at));
    this.cursor.setAttribute('x2', this.place(nearest.at));
    this.cursor.setAttribute('visibility', 'visible');
    this.readout.textContent = [this.timeOf(nearest.at),
      ...KINDS.map(({key, unit}) => withUnit(nearest[key], unit))].join(' · ');
  }

  hide() {
    if (this.cursor) this.cursor.setAttribute('visibility', 'hidden');
    this.readout.textContent = '';
  }
}
