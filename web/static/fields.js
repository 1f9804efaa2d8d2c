// One setting on a page: its name, help and marks, the control that fits its type, and what is wrong with it.

import {api} from './charger.js';
import {choiceText, el, helpOf, labelOf, t} from './dom.js';

const NO_VALUE = ['reading', 'action', 'action+text'];
const ZONES = ['0', '1', 'CET-1CEST,M3.5.0,M10.5.0/3', '8', 'EST5EDT,M3.2.0,M11.1.0', 'PST8PDT,M3.2.0,M11.1.0'];
const IP = /^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(\.(?!$)|$){4}/;

const bytesOf = (text) => new TextEncoder().encode(text).length;
const limitsOf = (range) => range.split('|').map((part) => part.split('..').map(Number))
  .map(([low, high]) => [low, high ?? low]);
const isIn = (number, range) => limitsOf(range).some(([low, high]) => number >= low && number <= high);
const unitText = (unit) => (unit || '').replace('degC', '°C');

function rangeText(range) {
  return limitsOf(range).map(([low, high]) => (low === high ? low : t('range_to', low, high)))
    .reduce((before, part) => t('range_or', before, part));
}

/** A setting's value as people read it. */
export function valueText(row, value) {
  if (row.type === 'secret' || row.type === 'password') return t(row.is_set ? 'is_set_short' : 'is_unset');
  if (row.type === 'bool') return t(value ? 'on' : 'off');
  if (value === '' || value === null || value === undefined) return '–';
  const text = row.type === 'enum' ? choiceText(value) : String(value).replaceAll(',', ', ');
  return row.unit && row.type !== 'zone' ? `${text} ${unitText(row.unit)}` : text;
}

// --- controls: {node, value(), set(value)}; node.id is what the label names

function makeSwitch(row, id) {
  const node = el('input', {id, type: 'checkbox', className: 'switch', role: 'switch', checked: row.value});
  return {node, focus: node, value: () => node.checked, set: (value) => { node.checked = value; }};
}

function makeSelect(row, id) {
  const choices = row.range.split('|');
  const node = el('select', {id}, ...choices.map(
    (value) => el('option', {value, textContent: choiceText(value)})));
  node.value = row.value;
  return {node, focus: node, value: () => node.value, set: (value) => { node.value = value; }};
}

function makeChecks(row, id) {
  const chosen = String(row.value).split(',');
  const boxes = row.range.split('|').map((value) => el('input',
    {type: 'checkbox', value, checked: chosen.includes(value)}));
  boxes[0].id = id;
  const node = el('div', {className: 'checks', role: 'group', 'aria-label': labelOf(row.key)},
    ...boxes.map((box) => el('label', {}, box, box.value)));
  const value = () => boxes.filter((box) => box.checked).map((box) => box.value).join(',');
  return {node, focus: boxes[0], value};
}

function makeText(row, id) {
  const isNumber = row.type === 'int' || row.type === 'float';
  const node = el('input', {id, autocapitalize: 'none', spellcheck: false, value: row.value ?? ''});
  if (isNumber) {
    const limits = limitsOf(row.range);
    Object.assign(node, {type: 'number', step: row.type === 'int' ? 1 : 'any',
      min: limits[0][0], max: limits[limits.length - 1][1], value: row.value});
  }
  if (row.type === 'time') node.type = 'time';
  if (row.type === 'ip') node.inputMode = 'decimal';
  if (row.type === 'url') node.inputMode = 'url';
  const parts = [node];
  if (row.type === 'zone') {
    node.setAttribute('list', id + '-list');
    parts.push(el('datalist', {id: id + '-list'}, ...ZONES.map((value) => el('option', {value}))));
  } else if (row.unit) {
    parts.push(el('span', {className: 'unit', textContent: unitText(row.unit)}));
  }
  return {
    node: el('div', {className: isNumber || row.type === 'time' ? 'short' : 'long'}, ...parts),
    focus: node,
    value: () => (isNumber && node.value !== '' ? Number(node.value) : node.value.trim()),
    set: (value) => { node.value = value; },
  };
}

function makeSecret(row, id) {
  let isCleared = false;
  const node = el('input', {id, type: 'password', autocomplete: 'new-password', maxLength: 64,
    placeholder: row.is_set ? '••••••••' : ''});
  const eye = el('button', {type: 'button', className: 'second', textContent: t('show'), 'aria-pressed': 'false'});
  eye.addEventListener('click', () => {
    const hidden = node.type === 'password';
    node.type = hidden ? 'text' : 'password';
    eye.textContent = t(hidden ? 'hide' : 'show');
    eye.setAttribute('aria-pressed', hidden);
  });
  const parts = [node, eye];
  if (row.is_set && isIn(0, row.range)) {
    const clear = el('button', {type: 'button', className: 'second', textContent: t('clear')});
    clear.addEventListener('click', () => {
      isCleared = !isCleared;
      node.value = '';
      node.placeholder = isCleared ? '' : '••••••••';
      node.dispatchEvent(new Event('input', {bubbles: true}));
    });
    parts.push(clear);
  }
  return {
    node: el('div', {className: 'long'}, ...parts),
    focus: node,
    value: () => (node.value || (isCleared ? '' : null)),
    saved() {
      row.is_set = Boolean(node.value) || (row.is_set && !isCleared);
      isCleared = false;
      node.value = '';
      node.placeholder = row.is_set ? '••••••••' : '';
    },
  };
}

const MAKERS = {bool: makeSwitch, enum: makeSelect, csl: makeChecks, secret: makeSecret, password: makeSecret};

// --- what is wrong with a value, before the charger is asked

function problem(row, value) {
  const isNumber = row.type === 'int' || row.type === 'float';
  if (isNumber) {
    if (value === '' || (row.type === 'int' && !Number.isInteger(value))) return t('need_number');
    return isIn(value, row.range) ? '' : t('need_range', rangeText(row.range));
  }
  if (value === null) return '';
  if (['str', 'secret', 'password'].includes(row.type) && !isIn(bytesOf(value), row.range)) {
    return t('need_length', rangeText(row.range));
  }
  if (row.type === 'ip' && value && !IP.test(value)) return t('need_ip');
  if (row.type === 'time' && !value) return t('need_time');
  const schemes = (row.range || 'http|https').split('|');
  if (row.type === 'url' && value && !schemes.some((scheme) => value.startsWith(scheme + '://'))) {
    return t('need_url', schemes.map((scheme) => scheme + '://').reduce((a, b) => t('range_or', a, b)));
  }
  return '';
}

function hintText(row) {
  const parts = [];
  if (row.type === 'int' || row.type === 'float') parts.push(`${rangeText(row.range)} ${unitText(row.unit)}`);
  if (row.type === 'password' || row.type === 'secret') {
    if (row.is_set) parts.push(t('is_set'));
    parts.push(t('characters', rangeText(row.range)));
    return parts.join(' ');
  }
  const standard = row.default;
  if (standard !== undefined && standard !== null && standard !== '' && row.type !== 'csl') {
    parts.push(t('default_is', valueText(row, standard)));
  }
  return parts.join(' · ');
}

function marks(row) {
  return [row.restart && 'restart', row.has_effect === false && 'no_effect'].filter(Boolean)
    .map((name) => el('span', {className: 'mark ' + name, textContent: t('mark_' + name)}));
}

/** The networks in reach below the field of the SSID; a click takes one over. */
function scanner(control) {
  const list = el('div', {className: 'networks', role: 'group', 'aria-label': t('scan')});
  const status = el('span', {className: 'soft', role: 'status'});
  const button = el('button', {type: 'button', className: 'second', textContent: t('scan')});
  button.addEventListener('click', async () => {
    button.disabled = true;
    status.textContent = t('scanning');
    list.replaceChildren();
    try {
      const found = (await api('POST', '/api/actions/scan_wifi', {})).result;
      status.textContent = found.length ? '' : t('scan_none');
      list.replaceChildren(...found.filter((network) => network.ssid)
        .sort((a, b) => b.rssi_dbm - a.rssi_dbm).map((network) => networkButton(network, control)));
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
  });
  return el('div', {className: 'scan'}, button, status, list);
}

function networkButton(network, control) {
  const percent = Math.max(1, Math.min(100, 2 * (network.rssi_dbm + 100)));
  const bars = [1, 2, 3, 4].map((n) => el('i', {className: percent > 25 * (n - 1) ? 'full' : ''}));
  const pick = el('button', {type: 'button', className: 'network',
    'aria-label': t('scan_pick', network.ssid, percent)},
  el('span', {}, network.ssid, el('small', {textContent: network.security || ''})),
  el('span', {className: 'bars', 'aria-hidden': 'true'}, ...bars), el('small', {textContent: `${network.rssi_dbm} dBm`}));
  pick.addEventListener('click', () => {
    control.set(network.ssid);
    control.focus.dispatchEvent(new Event('input', {bubbles: true}));
    control.focus.focus();
  });
  return pick;
}

/**
 * Make a setting's place on a page from its row of GET /api/settings.
 *
 * Has node; for what may be changed also changes() (undefined while as stored), check(), fail(text),
 * saved() and undo().
 */
export function makeField(row) {
  const id = 'i-' + row.key;
  const isEditable = row.writable && !NO_VALUE.includes(row.type);
  const name = [labelOf(row.key), ...marks(row)];
  const help = el('p', {className: 'help', id: 'h-' + row.key, textContent: helpOf(row.key)});
  const text = (label) => el('div', {className: 'about'}, label, help);
  if (!isEditable) {
    const value = el('output', {textContent: valueText(row, row.value)});
    return {row, node: el('div', {className: 'field', id: 'f-' + row.key},
      text(el('div', {className: 'label'}, ...name)), value)};
  }
  const control = (MAKERS[row.type] || makeText)(row, id);
  const hint = el('p', {className: 'hint', textContent: hintText(row)});
  const error = el('p', {className: 'error', id: 'e-' + row.key, hidden: true});
  control.focus.setAttribute('aria-describedby', `h-${row.key} e-${row.key}`);
  const field = {
    row,
    control,
    node: el('div', {className: row.type === 'bool' ? 'field yesno' : 'field', id: 'f-' + row.key},
      text(el('label', {htmlFor: id}, ...name)),
      el('div', {className: 'control'}, control.node, row.key === 'ssid' && scanner(control),
        hint.textContent && hint, error)),
    changes() {
      const value = control.value();
      return value === stored ? undefined : value;
    },
    check: () => field.fail(problem(row, control.value())),
    fail(reason) {
      error.textContent = reason;
      error.hidden = !reason;
      control.focus.setAttribute('aria-invalid', Boolean(reason));
      field.node.classList.toggle('wrong', Boolean(reason));
      return !reason;
    },
    saved() {
      if (control.saved) control.saved();
      stored = control.value();
      row.value = stored;
      hint.textContent = hintText(row);
    },
  };
  let stored = control.value();
  control.node.addEventListener('input', () => field.fail(''));
  return field;
}
