// The current of a group of chargers against its limit, over the time that this browser has seen it.

import {gridOf, runs, svg, timeText} from './chart.js';
import {el, t} from './dom.js';
import {absent, withUnit} from './units.js';

const HOUR_S = 3600;
const LEAST_S = 120; // the axis covers at least that
const LEFT = 36, RIGHT = 4, TOP = 10, HEIGHT = 140, FOOT = 22;
const LEAST_A = 16; // the scale with nothing to show
const KINDS = ['l1', 'l2', 'l3', 'limit'];
const points = []; // {at (unix s), l1, l2, l3, limit (A)}; they stay while the pages are open

const round = (place) => Math.round(place * 10) / 10;
const nameOf = (kind) => (kind === 'limit' ? t('gr_limit') : kind.toUpperCase());

export class GroupChart {
  constructor() {
    this.picture = svg('svg', {role: 'img', class: 'chart'});
    this.box = el('div', {}, el('p', {className: 'legend', ariaHidden: 'true'},
      ...KINDS.map((kind) => el('span', {className: kind, textContent: nameOf(kind)}))), this.picture);
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Go on with what is drawn of each phase, and the limit, in A; null: unknown. */
  take([l1, l2, l3], limit) {
    points.push({at: Date.now() / 1000, l1, l2, l3, limit});
    while (points[0].at < Date.now() / 1000 - HOUR_S) points.shift();
    this.draw();
  }

  draw() {
    if (!points.length) return;
    const end = points[points.length - 1].at;
    const span = Math.max(LEAST_S, end - points[0].at);
    const width = Math.max(this.picture.clientWidth, 240);
    const height = TOP + HEIGHT + FOOT;
    const x = (at) => round(LEFT + (1 - (end - at) / span) * (width - LEFT - RIGHT));
    const all = points.flatMap((point) => KINDS.map((kind) => point[kind])).filter((a) => !absent(a));
    const {y, lines} = gridOf(Math.max(LEAST_A, ...all), {left: LEFT, right: width - RIGHT, top: TOP, height: HEIGHT});
    const path = (kind) => runs(points, kind).map((run) =>
      'M' + run.map((point) => `${x(point.at)} ${y(point[kind])}`).join('L')).join('');
    this.picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.picture.setAttribute('height', height);
    this.picture.setAttribute('aria-label', this.summary());
    this.picture.replaceChildren(...lines,
      ...KINDS.map((kind) => svg('path', {class: `line ${kind}`, d: path(kind)})),
      ...[[end - span, 'start'], [end - span / 2, 'middle'], [end, 'end']].map(([at, anchor]) =>
        svg('text', {x: x(at), y: height - 4, 'text-anchor': anchor}, timeText(at * 1000))));
  }

  /** The picture in words, for those who do not see it. */
  summary() {
    const last = points[points.length - 1];
    return `${t('gr_chart')}: ${KINDS.map((kind) => `${nameOf(kind)} ${withUnit(last[kind], 'A')}`).join(', ')}`;
  }
}
