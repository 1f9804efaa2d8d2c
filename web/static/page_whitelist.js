// The WHITELIST page: the cards on the list, learning, the configuration card, the cache.

import {api, live} from './charger.js';
import {ask, el, helpOf, labelOf, say, t} from './dom.js';
import {reveal} from './page_settings.js';
import './state_sheet.js';

export {reveal};

const A_PAGE = 20;
const LEARNING_LOOK_MS = 2000; // the list is asked for so often while cards are learned

const reasonOf = (error) => (error.errors ? Object.values(error.errors).join(' ') : error.message);

const act = (key, value, more) => api('POST', `/api/actions/${key}`, {value, ...more});

/** A button that is off while its work runs; what goes wrong is said. */
function button(text, work, className = 'second') {
  const made = el('button', {type: 'button', className, textContent: text});
  made.addEventListener('click', async () => {
    made.disabled = true;
    try {
      await work();
    } catch (error) {
      say(reasonOf(error), true);
    }
    made.disabled = false;
  });
  return made;
}

/** The cards on the list, a page of them at a time. */
class TagList {
  constructor(rights) {
    this.mayDelete = rights.has('whitelist_delete');
    this.from = 0;
    this.total = 0;
    this.known = null; // tags of the page that is shown, to mark those that are new
    this.count = el('span', {className: 'soft'});
    this.list = el('ul', {className: 'tags'});
    this.range = el('span', {className: 'soft', role: 'status'});
    this.before = button(t('wl_earlier'), () => this.load(this.from - A_PAGE));
    this.after = button(t('wl_later'), () => this.load(this.from + A_PAGE));
    this.pager = el('div', {className: 'pager'}, this.before, this.range, this.after);
    this.all = button(t('wl_delete_all'), () => this.removeAll());
    this.box = el('section', {className: 'card', id: 'f-whitelist_delete'},
      el('div', {className: 'title'}, el('h2', {textContent: t('wl_tags')}), this.count),
      rights.has('whitelist_insert') && this.entry(), this.list, this.pager,
      this.mayDelete && el('p', {className: 'buttons'}, this.all));
  }

  /** The field for a tag, with what can be done with it. */
  entry() {
    const input = el('input', {id: 'wl-tag', maxLength: 20, autocapitalize: 'none', autocomplete: 'off',
      spellcheck: false, required: true, 'aria-describedby': 'wl-tag-help wl-answer'});
    const answer = el('p', {id: 'wl-answer', role: 'status', className: 'hint'});
    const run = async (key) => {
      const tag = input.value.trim();
      input.setAttribute('aria-invalid', 'false');
      answer.className = 'hint';
      try {
        if (!tag) throw new Error(t('wl_enter'));
        answer.textContent = t(`wl_${key}_${(await act(`whitelist_${key}`, tag)).result}`, tag);
        if (key === 'insert') await this.load(this.from);
      } catch (error) {
        input.setAttribute('aria-invalid', 'true');
        answer.className = 'error';
        answer.textContent = reasonOf(error);
      }
      input.select();
    };
    const form = el('form', {className: 'entry', id: 'f-whitelist_insert', noValidate: true},
      el('label', {htmlFor: 'wl-tag', textContent: t('wl_tag')}), input,
      el('button', {textContent: t('wl_insert')}),
      button(t('wl_search'), () => run('search')),
      el('p', {id: 'wl-tag-help', className: 'help', textContent: t('wl_tag_help')}), answer);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      run('insert');
    });
    return form;
  }

  async load(from) {
    const found = await api('GET', `/api/whitelist?from=${Math.max(0, from)}&limit=${A_PAGE}`);
    if (!found.tags.length && from > 0) { // what was on this page has been deleted
      await this.load(from - A_PAGE);
      return;
    }
    const moved = this.from !== Math.max(0, from);
    this.from = Math.max(0, from);
    this.total = found.total;
    this.draw(found.tags, moved ? null : this.known);
    this.known = new Set(found.tags);
  }

  draw(tags, known) {
    this.count.textContent = t('wl_count', this.total);
    this.list.replaceChildren(...tags.map((tag) => this.row(tag, known && !known.has(tag))));
    if (!tags.length) this.list.append(el('li', {className: 'soft', textContent: t('wl_none')}));
    this.range.textContent = t('wl_range', this.from + 1, this.from + tags.length, this.total);
    this.before.disabled = this.from === 0;
    this.after.disabled = this.from + tags.length >= this.total;
    this.pager.hidden = this.total <= A_PAGE;
    this.all.hidden = !this.total;
  }

  row(tag, isNew) {
    const remove = this.mayDelete && button('×', async () => {
      await act('whitelist_delete', tag);
      say(t('wl_deleted', tag));
      await this.load(this.from);
    }, 'round');
    if (remove) remove.setAttribute('aria-label', t('wl_delete_tag', tag));
    return el('li', {className: isNew ? 'found' : ''}, el('code', {textContent: tag}), remove);
  }

  async removeAll() {
    if (!await ask(t('wl_delete_all'), t('wl_delete_all_text', this.total), t('wl_delete_all'), t('cancel'))) return;
    await act('whitelist_delete', '', {confirm: true});
    say(t('wl_all_deleted'));
    await this.load(0);
  }
}

/** A switch for learning with words on its state, which is the charger's, not the button's. */
function learningParts(key, what, className) {
  const words = el('p', {className: 'learning', role: 'status'});
  const begin = button(t('wl_begin'), () => act(key, true), className);
  const end = button(t('wl_end'), () => act(key, false));
  const update = ({learning}) => {
    const isOn = learning === what;
    const text = t(isOn ? `wl_on_${what}` : 'wl_off');
    if (words.textContent !== text) words.textContent = text;
    words.classList.toggle('on', isOn);
    begin.hidden = isOn;
    end.hidden = !isOn;
  };
  return {words, buttons: el('p', {className: 'buttons'}, begin, end), update};
}

function learningCard() {
  const {words, buttons, update} = learningParts('whitelist_learning', 'whitelist', '');
  const box = el('section', {className: 'card', id: 'f-whitelist_learning'},
    el('h2', {textContent: labelOf('whitelist_learning')}),
    el('p', {className: 'help', textContent: helpOf('whitelist_learning')}), words, buttons);
  return {box, update};
}

/** The card that opens the hotspot: learned, typed or, left empty, taken away. */
function configCard(row, mayLearn) {
  const {words, buttons, update} = learningParts('learn_config_card', 'config_card', 'second');
  const input = el('input', {id: 'i-config_card', value: row.value, maxLength: 20, disabled: !row.writable,
    autocapitalize: 'none', autocomplete: 'off', spellcheck: false});
  const form = el('form', {className: 'entry', id: 'f-config_card'},
    el('label', {htmlFor: 'i-config_card', textContent: t('wl_tag')}), input,
    row.writable && button(t('save'), async () => {
      await api('PUT', '/api/settings', {config_card: input.value.trim()});
      say(t('saved'));
    }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    form.querySelector('button').click();
  });
  const box = el('section', {className: 'card', id: 'f-learn_config_card'},
    el('h2', {textContent: labelOf('config_card')}),
    el('p', {className: 'help', textContent: helpOf('config_card')}), form,
    mayLearn && words, mayLearn && buttons);
  return {box, update, show: (value) => { input.value = value; }};
}

function cacheCard() {
  const clear = button(labelOf('clear_cache'), async () => {
    if (!await ask(labelOf('clear_cache'), t('wl_clear_text'), labelOf('clear_cache'), t('cancel'))) return;
    await act('clear_cache', '');
    say(t('wl_cleared'));
  });
  return el('section', {className: 'card', id: 'f-clear_cache'}, el('h2', {textContent: t('wl_cache')}),
    el('p', {className: 'help', textContent: helpOf('clear_cache')}), el('p', {className: 'buttons'}, clear));
}

async function rowsOf() {
  const {settings} = await api('GET', '/api/settings?page=WHITELIST');
  return new Map(settings.map((row) => [row.key, row]));
}

/** Put the page's parts together as far as this login has the right to them. */
async function build(place) {
  const rows = await rowsOf();
  const rights = new Set([...rows.values()].filter((row) => row.writable).map((row) => row.key));
  const tags = new TagList(rights);
  const learning = rights.has('whitelist_learning') && learningCard();
  const config = rows.has('config_card') && configCard(rows.get('config_card'), rights.has('learn_config_card'));
  await tags.load(0);
  place.replaceChildren(
    el('p', {}, el('a', {href: '#authorization/whitelist_enabled', textContent: t('wl_enable')})),
    el('div', {className: 'two'}, tags.box, el('div', {className: 'stack'},
      learning && learning.box, config && config.box, rights.has('clear_cache') && cacheCard())));
  return {tags, config, cards: [learning, config].filter(Boolean)};
}

/** Show the page in `main`, with the part of `key` in view; answers with a function that ends it. */
export function show(main, session, address, key) {
  const place = el('div', {}, el('p', {className: 'soft', textContent: t('loading')}));
  main.replaceChildren(el('h1', {textContent: t('page_WHITELIST')}), place);
  let parts = null;
  let was = null;
  const look = () => parts.tags.load(parts.tags.from).catch(() => { /* the banner tells */ });
  const update = (state) => {
    if (!parts) return;
    parts.cards.forEach((card) => card.update(state));
    if (was === 'whitelist' && !state.learning) look();
    if (was === 'config_card' && !state.learning) {
      rowsOf().then((rows) => parts.config.show(rows.get('config_card').value)).catch(() => {});
    }
    was = state.learning;
  };
  const timer = setInterval(() => {
    if (parts && live.state.learning === 'whitelist' && !document.hidden) look();
  }, LEARNING_LOOK_MS);
  build(place).then((built) => {
    parts = built;
    update(live.state);
    if (key) reveal(key);
  }).catch((error) => place.replaceChildren(
    el('p', {className: 'error', role: 'alert', textContent: reasonOf(error)})));
  live.listeners.add(update);
  return () => {
    clearInterval(timer);
    live.listeners.delete(update);
  };
}
