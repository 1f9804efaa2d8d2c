// Values as text in the page's language: numbers with units, spans of time, dates.

import {t} from './dom.js';

const DECIMALS = {V: 0, A: 1, W: 0, kW: 2, kWh: 2, '°C': 1};

export const absent = (value) => value === null || value === undefined || value === '';

/** The browser's own variety of the page's language: with it come its dates and decimal signs. */
function language() {
  const chosen = document.documentElement.lang;
  return navigator.languages.find((tag) => tag.split('-')[0] === chosen) || chosen;
}

/** A number without decimals that say nothing: 16, 13.5. */
export function plain(value) {
  return value.toLocaleString(language(), {maximumFractionDigits: 2});
}

/** A value with its unit; a dash where there is none. */
export function withUnit(value, unit) {
  if (absent(value)) return '–';
  const digits = DECIMALS[unit];
  const text = typeof value !== 'number' || digits === undefined ? `${value}`
    : value.toLocaleString(language(),
      {minimumFractionDigits: digits, maximumFractionDigits: digits});
  return unit ? `${text}\u00a0${unit}` : text;
}

/** A span of seconds: 0:42 min, 3:09 h, 2 d 4:30 h. */
export function span(seconds) {
  const two = (number) => String(Math.floor(number) % 60).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds)}\u00a0min`;
  const clock = `${Math.floor(seconds / 3600) % 24}:${two(seconds / 60)}\u00a0h`;
  return seconds < 86400 ? clock : `${Math.floor(seconds / 86400)} ${t('st_days')} ${clock}`;
}

/** A moment given in milliseconds, in the browser's time zone; options as of Intl.DateTimeFormat. */
export function moment(unixMs, options) {
  return new Date(unixMs).toLocaleString(language(), options);
}

/** The text of a key; another where the language has none. */
export function textOr(key, other) {
  const text = t(key);
  return text === key ? other : text;
}
