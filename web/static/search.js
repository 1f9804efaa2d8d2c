// Search over all settings: by name, key and what they are for; a hit leads to its field.

import {api, session} from './charger.js';
import {el, helpOf, labelOf, openDialog, t} from './dom.js';
import {GROUPS} from './page_settings.js';

const MOST = 30;
let entries = null; // of the session that loaded them
let owner = '';

const plain = (text) => text.toLowerCase().normalize('NFD').replace(/[\u0300-\u036f]/g, '');

async function load() {
  if (entries && owner === session.csrf) return;
  const {settings} = await api('GET', '/api/settings');
  const sections = {};
  for (const [section, groups] of Object.entries(GROUPS)) {
    Object.values(groups).forEach((keys) => keys.split(' ').forEach((key) => { sections[key] = section; }));
  }
  entries = settings.map(({key, label, type}) => ({
    key,
    section: sections[key] || (key.startsWith('whitelist') || key === 'clear_cache' ? 'WHITELIST' : 'STATE'),
    isReading: type === 'reading',
    name: plain(labelOf(key)),
    text: plain([labelOf(key), label, key, key.replaceAll('_', ' '), helpOf(key)].join(' ')),
  }));
  owner = session.csrf;
}

/** The entries that have all words, those with a word in their name first. */
function find(wanted) {
  const words = plain(wanted).split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const rank = (entry) => words.filter((word) => entry.name.includes(word)).length * 2 - entry.isReading;
  return entries.filter((entry) => words.every((word) => entry.text.includes(word)))
    .sort((a, b) => rank(b) - rank(a)).slice(0, MOST);
}

function hit(entry) {
  return el('li', {}, el('a', {href: `#${entry.section.toLowerCase()}/${entry.key}`},
    el('strong', {textContent: labelOf(entry.key)}),
    el('small', {textContent: `${t('page_' + entry.section)} · ${helpOf(entry.key)}`})));
}

/** Open the search. */
export function open() {
  const input = el('input', {type: 'search', autocapitalize: 'none', spellcheck: false,
    placeholder: t('search_hint'), 'aria-label': t('search')});
  const status = el('p', {className: 'hint', role: 'status'});
  const list = el('ul', {className: 'hits'});
  const show = () => {
    if (!entries) return;
    const found = find(input.value);
    list.replaceChildren(...found.map(hit));
    status.textContent = input.value.trim()
      ? t(found.length ? 'search_count' : 'search_none', found.length) : '';
  };
  input.addEventListener('input', show);
  input.addEventListener('keydown', (event) => {
    const first = list.querySelector('a');
    if (event.key === 'Enter' && first) first.click();
    if (event.key === 'ArrowDown' && first) first.focus();
  });
  list.addEventListener('click', (event) => {
    if (event.target.closest('a')) list.closest('dialog').close();
  });
  openDialog(t('search'), input, status, list,
    el('form', {method: 'dialog', className: 'buttons'}, el('button', {className: 'second', textContent: t('close')})));
  input.focus();
  status.textContent = t('loading');
  load().then(() => { status.textContent = ''; show(); })
    .catch((error) => { status.textContent = error.message; });
}
