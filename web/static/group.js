// The group of chargers on the page LOADMANAGEMENT: who gets how much and why, and its current over time.

import {api, session} from './charger.js';
import {choiceText, el, labelOf, say, t} from './dom.js';
import {GroupChart} from './group_chart.js';
import {fillList} from './state_now.js';
import './state_sheet.js';
import {absent, plain, span, textOr, withUnit} from './units.js';

const PERIOD_MS = 5000;
const SILENT_S = 6; // a master that was not heard for so long is away
const LINES = ['L1', 'L2', 'L3'];

const amperes = (value) => withUnit(value, 'A');
const why = (reason) => textOr(`gr_why_${reason.replaceAll(' ', '_')}`, reason);

/** What bounds the group: a source of limits, or the setting of its supply. */
const limitName = (reason) => textOr(`st_limit_${reason.replaceAll(' ', '_')}`, labelOf(reason));

/** What is wrong, the charger first where it is one's fault. */
const troubleText = (trouble) => trouble.replace(/(.*) disobeys$/, (_, serial) => `${serial}: ${why('disobeys')}`);

/** The names of the grid's phases among OCPP's letters R, S, T. */
const linesOf = (wires) => [...wires].map((letter) => LINES['RST'.indexOf(letter)]);

/** What all members draw together of each phase, in A; null where nobody tells. */
function drawnBy(members) {
  return LINES.map((_, phase) => {
    const known = members.map((member) => member.current_a[phase]).filter((a) => !absent(a));
    return known.length ? known.reduce((sum, a) => sum + a, 0) : null;
  });
}

/** One figure where all phases have the same. */
function perPhase(values) {
  const texts = values.map((value) => (absent(value) ? '–' : plain(value)));
  return `${texts.every((text) => text === texts[0]) ? texts[0] : texts.join(' / ')}\u00a0A`;
}

function stateOf(member) {
  if (!member.online) return [t('gr_silent'), 'bad'];
  return [t('status_' + member.status), {Charging: 'good', Faulted: 'bad'}[member.status] || ''];
}

function memberRow(member) {
  const lines = linesOf(member.wires);
  const about = [member.address, lines.join(' '), member.priority && t('gr_priority', member.priority)];
  const [state, mood] = stateOf(member);
  const fault = member.online && member.error_code !== 'NoError' && member.error_code;
  const figure = (name, value, className = '') => el('td', {className, 'data-name': name, textContent: value});
  return el('tr', {},
    el('th', {scope: 'row'}, el('b', {textContent: `${member.connector} · ${member.serial || '–'}`}),
      el('small', {textContent: about.filter(Boolean).join(' · ')})),
    el('td', {className: 'mood'}, el('span', {className: mood, textContent: state}),
      el('small', {textContent: [fault, why(member.reason)].filter(Boolean).join(' · ')}),
      member.trouble && el('strong', {className: 'error', textContent: why(member.trouble)})),
    figure(t('gr_request'), amperes(member.request_a)), figure(t('gr_offer'), amperes(member.signaled_a)),
    figure(t('gr_share'), amperes(member.granted_a)),
    ...LINES.map((line, phase) => figure(line, lines.includes(line) ? amperes(member.current_a[phase]) : '–')));
}

function makeMembers() {
  const heads = [t('gr_charger'), t('gr_state'), t('gr_request'), t('gr_offer'), t('gr_share'), ...LINES];
  const rows = el('tbody');
  const box = el('table', {className: 'members'}, el('thead', {}, el('tr', {},
    ...heads.map((textContent) => el('th', {scope: 'col', textContent})))), rows);
  const update = (members) => rows.replaceChildren(...members.map(memberRow));
  return {box, update};
}

/** The button that has slaves without a number found, for who may set their number. */
function makeSettling(ask) {
  const button = el('button', {type: 'button', className: 'second'});
  const words = el('p', {className: 'help', role: 'status'});
  let isOn = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await api('POST', '/api/actions/group_setup', {value: !isOn});
    } catch (error) {
      say(error.message, true);
    }
    button.disabled = false;
    ask();
  });
  const update = (group) => {
    isOn = group.settling_s > 0;
    button.textContent = t(isOn ? 'gr_setup_end' : 'gr_setup');
    words.textContent = isOn ? t('gr_setup_on', span(group.settling_s)) : t('gr_setup_text');
  };
  return {box: el('section', {hidden: session.role === 'user'}, el('p', {className: 'buttons'}, button), words), update};
}

/** What leads the group, or what leads this charger, as rows of a list. */
function factsOf(group) {
  const mode = [t('gr_mode'), t('gr_mode_' + group.mode)];
  const name = group.group_id && [labelOf('llm_group_id'), group.group_id];
  if (!group.members) {
    const silent = group.master_silent_s >= SILENT_S;
    return [mode, name, group.address && [t(group.mode === 'Slave' ? 'gr_address' : 'gr_master_at'), group.address],
      [t('gr_master'), t(silent ? 'gr_silent' : 'st_backend_Connected'),
        silent ? 'bad' : 'good'],
      [t('gr_share'), `${amperes(group.granted_a)}: ${group.fallback ? t('gr_fallback') : why(group.reason)}`]];
  }
  return [mode, name, [t('gr_chargers'), t('gr_online', group.online, group.size)],
    [labelOf('llm_policy'), choiceText(group.policy)],
    [t('gr_limit'), `${perPhase(group.limit_a)}${group.limit_reason && `: ${limitName(group.limit_reason)}`}`],
    [t('gr_drawn'), perPhase(drawnBy(group.members))]];
}

/** What the charger tells of its group, as of GET /api/group; goes on as long as `box` is shown. */
export class Group {
  constructor(found) {
    this.list = el('dl', {className: 'list'});
    this.trouble = el('p', {className: 'error', role: 'alert', hidden: true});
    this.more = el('div', {className: 'stack'});
    this.box = el('section', {className: 'card stack', id: 'g-group-now'},
      el('h2', {textContent: t('gr_title')}), this.trouble, this.list, this.more);
    this.told = '';
    this.take(found);
    this.timer = setTimeout(() => this.ask(), PERIOD_MS);
  }

  /** Show what the charger told; a master has members and a chart besides. */
  take(group) {
    if (group.members && !this.members) {
      this.members = makeMembers();
      this.chart = new GroupChart();
      this.settling = (group.mode === 'Master') && makeSettling(() => this.ask());
      this.more.append(this.chart.box, this.members.box);
      if (this.settling) this.more.append(this.settling.box);
    }
    fillList(this.list, factsOf(group).filter(Boolean));
    if (!group.members) return;
    this.trouble.textContent = troubleText(why(group.trouble));
    this.trouble.hidden = !group.trouble;
    this.chart.take(drawnBy(group.members), Math.min(...group.limit_a));
    if (this.settling) this.settling.update(group);
    const told = JSON.stringify(group.members);
    if (told !== this.told) this.members.update(group.members);
    this.told = told;
  }

  /** Ask again and again, while somebody looks. */
  async ask() {
    clearTimeout(this.timer);
    try {
      if (!document.hidden) this.take(await api('GET', '/api/group'));
    } catch { /* the frame tells that the charger is away */ }
    if (this.box.isConnected) this.timer = setTimeout(() => this.ask(), PERIOD_MS);
  }
}
