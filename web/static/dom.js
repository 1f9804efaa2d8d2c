// Texts, elements, icons, a question in a dialog and a word in passing: what every page is made of.

export const LANGUAGES = {en: 'English', de: 'Deutsch', zh: '中文'};

const ICONS = { // 24 × 24, drawn with strokes
  STATE: 'M13 3 5 14h6l-1 7 8-11h-6z',
  NETWORK: 'M3 9a13 13 0 0 1 18 0M6 13a9 9 0 0 1 12 0M9 17a4 4 0 0 1 6 0M12 20v.1',
  INSTALLATION: 'M4 21V9l8-6 8 6v12zM10 21v-6h4v6',
  SYSTEM: 'M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6M18 4v6M10 14v6',
  BACKEND: 'M7 18a4 4 0 0 1 0-8 5.5 5.5 0 0 1 10-1 4.5 4.5 0 0 1 0 9z',
  WHITELIST: 'M3 6h18v12H3zM7 10h5M7 14h3M16 12h2',
  MANUFACTURER: 'M3 21V10l6 4v-4l6 4V4h6v17zM8 18h1M13 18h1',
  LOADMANAGEMENT: 'M12 4v16M6 20h12M5 8h14M5 8l-3 6h6zM19 8l-3 6h6z',
  AUTHORIZATION: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3M12 15v2',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-9 16-9 16 0',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M16 16l5 5',
  done: 'M5 13l5 5L20 6',
};

let words = null; // the language's module

/** What this browser remembers of a choice; '' for nothing. */
export const remembered = (key) => localStorage.getItem(key) || '';

// --- texts

/** Code of the page's language: the one chosen in this browser, or the first of its own that there is. */
export function language() {
  const wanted = [remembered('language'), ...navigator.languages].map((tag) => tag.slice(0, 2));
  return wanted.find((code) => code in LANGUAGES) || 'en';
}

/** Load the language's texts, before any is asked for. */
export async function loadTexts() {
  words = await import(`./lang_${language()}.js`);
  document.documentElement.lang = language();
}

/** Text of a key in the chosen language, with {0}, {1}, … replaced by the values. */
export function t(key, ...values) {
  const text = words.texts[key] ?? key;
  return text.replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** A setting's or reading's name in the chosen language. */
export const labelOf = (key) => (words.settings[key] || [key])[0];

/** What a setting is for, in the chosen language. */
export const helpOf = (key) => (words.settings[key] || ['', ''])[1];

/** A choice's name: that of the declaration where the language has no better one. */
export const choiceText = (choice) => words.choices[choice] || choice;

// --- elements

/** Make an element: el('p', {className: 'x', 'aria-busy': 'true'}, 'text', child); false children are left out. */
export function el(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.includes('-')) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child || child === 0));
  return made;
}

/** One of the icons; it says nothing to screen readers. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', ICONS[name] || '');
  svg.append(path);
  return svg;
}

/** Open a dialog with this content; answers with the value of the button that closed it, "" for Escape. */
export function openDialog(title, ...content) {
  const dialog = el('dialog', {className: 'card', 'aria-labelledby': 'dialog-title'},
    el('h2', {id: 'dialog-title', textContent: title}), ...content);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue);
  }));
}

/** Ask before something grave; answers with true for yes, false for no and Escape. */
export async function ask(title, text, yes, no) {
  const buttons = el('form', {method: 'dialog', className: 'buttons'},
    el('button', {value: '', className: 'second', textContent: no}),
    el('button', {value: 'yes', className: 'grave', textContent: yes}));
  return await openDialog(title, el('p', {textContent: text}), buttons) === 'yes';
}

/** Say something in passing at the edge of the page; screen readers read it out. */
export function say(text, isError) {
  const place = document.getElementById('said');
  const note = el('p', {textContent: text, className: isError ? 'bad' : ''});
  place.replaceChildren(note);
  setTimeout(() => note.remove(), isError ? 12000 : 5000);
}
