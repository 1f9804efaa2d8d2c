// Export of the whole configuration to a file, and import with a look at what would change.

import {api, session} from './charger.js';
import {choiceText, el, labelOf, openDialog, say, t} from './dom.js';

const PRINTABLE = '[ -~]*'; // it travels in a header
const tick = (text) => {
  const box = el('input', {type: 'checkbox'});
  return {box, node: el('label', {className: 'tick'}, box, text)};
};
const closer = (text) => el('button', {type: 'button', className: 'second', textContent: text,
  onclick: (event) => event.target.closest('dialog').close()});

function errorLine() {
  const line = el('p', {className: 'error', role: 'alert'});
  line.tell = (error) => {
    const each = Object.entries(error.errors || {}).map(([key, text]) => `${labelOf(key)}: ${text}`);
    line.textContent = each.length ? each.join('\n') : error.message;
  };
  return line;
}

async function fetchFile(secrets, whitelist, password) {
  const query = new URLSearchParams();
  if (secrets) query.set('secrets', 1);
  if (whitelist) query.set('whitelist', 1);
  const headers = {'X-CSRF-Token': session.csrf};
  if (secrets) headers['X-Export-Password'] = password;
  const response = await fetch('/api/export?' + query, {headers});
  const text = await response.text();
  if (response.ok) return text;
  let reason = '';
  try { reason = JSON.parse(text).error; } catch { /* no reason given */ }
  throw new Error(reason || t('answered', response.status));
}

function saveFile(text) {
  const link = el('a', {href: URL.createObjectURL(new Blob([text], {type: 'application/json'})),
    download: `${document.getElementById('name').textContent.replace(/[^\w-]+/g, '_')}.json`});
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Ask what to export, and save it as a file. */
export function exportDialog() {
  const secrets = tick(t('with_secrets'));
  const whitelist = tick(t('with_whitelist'));
  const password = el('input', {type: 'password', autocomplete: 'new-password', minLength: 8, maxLength: 64,
    pattern: PRINTABLE});
  const asked = el('label', {hidden: true}, t('export_password'), password);
  const error = errorLine();
  secrets.box.addEventListener('change', () => {
    asked.hidden = !secrets.box.checked;
    password.required = secrets.box.checked;
  });
  const form = el('form', {}, secrets.node, asked, whitelist.node, error,
    el('div', {className: 'buttons'}, closer(t('cancel')), el('button', {textContent: t('export_now')})));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    form.inert = true;
    try {
      saveFile(await fetchFile(secrets.box.checked, whitelist.box.checked, password.value));
      form.closest('dialog').close();
    } catch (reason) {
      error.tell(reason);
    }
    form.inert = false;
  });
  openDialog(t('export'), form);
}

const shownValue = (value) => {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'boolean') return t(value ? 'on' : 'off');
  return choiceText(String(value));
};

function changesTable(found) {
  if (!found.changes.length && !found.whitelist) return el('p', {textContent: t('import_same')});
  const cell = (text) => el('td', {textContent: text});
  const head = ['col_setting', 'col_old', 'col_new'].map((key) => el('th', {scope: 'col', textContent: t(key)}));
  const rows = found.changes.map(({key, old, new: next}) => el('tr', {},
    cell(labelOf(key)), cell(shownValue(old)), cell(shownValue(next))));
  return el('div', {}, rows.length > 0 && el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)),
    found.whitelist > 0 && el('p', {textContent: t('import_tags', found.whitelist)}));
}

/** Read a file, show what it would change, and take it over when that is wanted; then calls done(). */
export function importDialog(done) {
  const file = el('input', {type: 'file', accept: '.json,.txt,application/json', required: true});
  const password = el('input', {type: 'password', autocomplete: 'off', maxLength: 64, pattern: PRINTABLE});
  const preview = el('div', {role: 'status'});
  const error = errorLine();
  const go = el('button', {textContent: t('import_look')});
  let isLookedAt = false;
  const again = () => {
    isLookedAt = false;
    go.textContent = t('import_look');
    preview.replaceChildren();
  };
  file.addEventListener('change', again);
  const form = el('form', {}, el('label', {}, t('import_file'), file),
    el('label', {}, t('import_password'), password), preview, error,
    el('div', {className: 'buttons'}, closer(t('cancel')), go));
  const send = async () => {
    const headers = password.value ? {'X-Export-Password': password.value} : {};
    const text = await file.files[0].text();
    return api('POST', '/api/import?apply=' + Number(isLookedAt), text, headers);
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    form.inert = true;
    error.textContent = '';
    try {
      const found = await send();
      if (isLookedAt) {
        form.closest('dialog').close();
        say(t('imported'));
        done();
      } else {
        preview.replaceChildren(changesTable(found));
        isLookedAt = found.changes.length > 0 || found.whitelist > 0;
        if (isLookedAt) go.textContent = t('import_now');
      }
    } catch (reason) {
      again();
      error.tell(reason);
    }
    form.inert = false;
  });
  openDialog(t('import'), form);
}
