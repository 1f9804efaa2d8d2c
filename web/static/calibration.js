// Calibration of the pilot's measurement with a multimeter, for the manufacturer (docs/hardware.md).

import {api} from './charger.js';
import {el, openDialog, t} from './dom.js';
import {fillList} from './state_now.js';
import './state_sheet.js';
import {withUnit} from './units.js';

const LOOK_MS = 1000;
const HOLD_S = 120; // the longest that the charger keeps -12 V on the pilot
const NO_CAR = 'A';
const STEADY_PERMILLE = {high: 1000, low: 0}; // the duty at the two levels

const reasonOf = (error) => (error.errors ? Object.values(error.errors).join(' ') : error.message);

const act = (value) => api('POST', '/api/actions/calibrate_pilot', {value});

const volts = (mv) => `${(mv / 1000).toFixed(2)}\u00a0V`;
const converter = (uv) => `${(uv / 1000).toFixed(1)}\u00a0mV`;

/** What two measured points give: the converter's microvolts at 0 V and for each volt at CP. */
function figuresOf(high, low) {
  const slope = Math.floor((high.uv - low.uv) * 1000 / (high.mv - low.mv));
  return {zero_uv: high.uv - Math.floor(high.mv * slope / 1000), uv_per_v: slope};
}

/** A step of the wizard: a field for the multimeter's volts and a button that takes them. */
function makeStep(which, [least, most], taken) {
  const id = `cal-${which}`;
  const input = el('input', {id, inputMode: 'decimal', autocomplete: 'off', 'aria-describedby': `${id}-told`});
  const told = el('p', {id: `${id}-told`, className: 'hint', role: 'status'});
  const take = el('button', {type: 'button', className: 'second', textContent: t('cal_take'),
    onclick: () => {
      const value = Number(input.value.trim().replace(',', '.').replace('−', '-'));
      const isRight = input.value.trim() !== '' && value >= least && value <= most;
      input.setAttribute('aria-invalid', String(!isRight));
      told.className = isRight ? 'hint' : 'error';
      told.textContent = isRight ? taken(which, Math.round(value * 1000)) : t('cal_need', least, most);
    }});
  return el('div', {className: 'entry'},
    el('label', {htmlFor: id, textContent: t('cal_meter')}), input, take, told);
}

class Wizard {
  constructor() {
    this.raw = null;
    this.points = {};
    this.isHeld = false;
    this.values = el('dl', {className: 'list'});
    this.trouble = el('p', {className: 'error', role: 'alert', hidden: true});
    this.answer = el('p', {className: 'hint', role: 'status'}); // a dialog covers what say() shows
    this.result = el('dl', {className: 'list'});
    this.keep = this.button('cal_keep', () => this.save(), '');
    this.keep.disabled = true;
    this.forget = this.button('cal_forget', () => this.drop());
    this.hold = this.button('cal_hold', () => this.setHold(HOLD_S));
  }

  button(key, work, className = 'second') {
    return el('button', {type: 'button', className, textContent: t(key), onclick: async () => {
      try {
        await work();
      } catch (error) {
        this.refused(error);
      }
    }});
  }

  refused(error) {
    this.answer.className = 'error';
    this.answer.textContent = reasonOf(error);
  }

  done() {
    this.answer.className = 'hint';
    this.answer.textContent = t('cal_kept');
  }

  /** Show the dialog until it is closed. */
  async open() {
    const part = (key, ...content) => el('section', {}, el('h3', {textContent: t(key)}), ...content);
    const text = (key) => el('p', {className: 'help', textContent: t(key)});
    const take = (which, mv) => this.take(which, mv);
    const timer = setInterval(() => this.look(), LOOK_MS);
    this.look();
    await openDialog(t('cal_title'), el('div', {className: 'stack'},
      part('cal_raw', this.values, this.trouble),
      part('cal_step1', text('cal_step1_text'), makeStep('high', [11, 13], take)),
      part('cal_step2', text('cal_step2_text'), el('p', {}, this.hold), makeStep('low', [-13, -11], take)),
      part('cal_step3', this.result, text('cal_after_restart'), this.answer)),
    el('form', {method: 'dialog', className: 'buttons'},
      this.forget, this.keep, el('button', {className: 'second', textContent: t('close')})));
    clearInterval(timer);
    if (this.isHeld) await act({hold_low_s: 0});
  }

  async look() {
    try {
      this.raw = await api('GET', '/api/calibration');
    } catch (error) {
      this.trouble.textContent = reasonOf(error);
      this.trouble.hidden = false;
      return;
    }
    const {pilot, proximity, state} = this.raw;
    this.trouble.hidden = state === NO_CAR || this.isHeld;
    this.trouble.textContent = this.trouble.hidden ? '' : t('cal_car');
    const rows = [
      [t('cal_high'), `${volts(pilot.high_mv)} · ${converter(pilot.high_uv)}`],
      [t('cal_low'), `${volts(pilot.low_mv)} · ${converter(pilot.low_uv)}`],
    ];
    if (proximity) {
      rows.push([t('cal_proximity'),
        `${converter(proximity.uv)} · ${proximity.ohm === null ? '–' : withUnit(proximity.ohm, 'Ω')}`]);
    }
    fillList(this.values, rows);
    this.forget.hidden = !pilot.calibrated;
  }

  async setHold(seconds) {
    await act({hold_low_s: seconds});
    this.isHeld = seconds > 0;
    await this.look();
  }

  /** Note what the converter reads at the multimeter's value; answers with a line on it. */
  take(which, mv) {
    const {pilot} = this.raw;
    if (pilot.duty_permille !== STEADY_PERMILLE[which]) return t('cal_other_level');
    const uv = pilot[`${which}_uv`];
    this.points[which] = {mv, uv};
    if (which === 'low') this.setHold(0).catch((error) => this.refused(error));
    this.show();
    return t('cal_taken', volts(mv), converter(uv));
  }

  show() {
    const {high, low} = this.points;
    this.keep.disabled = !high || !low;
    if (!high || !low) return;
    const found = figuresOf(high, low);
    const {pilot} = this.raw;
    fillList(this.result, [
      [t('cal_zero'), t('cal_was', found.zero_uv, pilot.zero_uv)],
      [t('cal_slope'), t('cal_was', found.uv_per_v, pilot.uv_per_v)],
    ]);
  }

  async save() {
    const {high, low} = this.points;
    await act({high_mv: high.mv, high_uv: high.uv, low_mv: low.mv, low_uv: low.uv});
    this.done();
  }

  async drop() {
    await act({forget: true});
    this.done();
  }
}

/** Open the wizard; answers when it is closed. */
export const open = () => new Wizard().open();
