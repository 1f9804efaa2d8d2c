// The form of a section's settings: made from what the charger declares, in groups.

import {api, guard} from './charger.js';
import {ask, el, helpOf, labelOf, openDialog, say, t} from './dom.js';
import {makeField} from './fields.js';

/** Which settings stand together; one that is in no group comes last. */
export const GROUPS = {
  STATE: {},
  NETWORK: {
    links: 'connectivity lan_enabled wlan_enabled sim_enabled',
    wifi: 'ssid ssid_password wlan_security',
    addresses: 'dhcp static_ip subnet_mask gateway dns',
    hotspot: 'hotspot hotspot_password hide_ap_ssid',
    mobile: 'apn',
  },
  INSTALLATION: {
    currents: 'phases max_output_current output_current_limit',
    overload: 'overload_check stop_limit',
    place: 'chargepoint_type permanent_lock',
    bus: 'connection_mode slave_number group_address group_baudrate group_key',
  },
  SYSTEM: {
    device: 'software_version sys_controller_serial',
    update: 'firmware_url auto_update',
    accounts: 'user_login user_password operator_login operator_password manufacturer_login manufacturer_password',
    access: 'log_password metrics_token',
    resets: 'restart soft_reset factory_reset setup_done',
  },
  BACKEND: {
    backoffice: 'backend_chargepoint_id backend_url basic_auth_id basic_auth_password security_profile'
      + ' cpo_name ocpp_mode',
    readings: 'meter_values_sampled_data meter_value_sample_interval meter_values_aligned_data'
      + ' clock_aligned_interval stop_txn_sampled_data stop_txn_aligned_data connector_phase_rotation',
    rights: 'authorize_remote_tx change_availability local_list_enabled stop_on_invalid_id'
      + ' max_energy_on_invalid_id unlock_on_ev_disconnect',
    time: 'time_zone',
    timing: 'heartbeat_interval send_error_status boot_interval boot_retries pdu_timeout'
      + ' connection_timeout minimum_status_duration transaction_attempts transaction_retry_interval'
      + ' websocket_ping_interval reset_retries',
    files: 'transport ftp_user ftp_password download_interval download_retries upload_interval upload_retries',
  },
  WHITELIST: {config_card: 'config_card learn_config_card'},
  MANUFACTURER: {
    nameplate: 'vendor model serial_number office_address manufacturer_url',
    hardware: 'cable_or_socket rcmu lcd1602',
    meter: 'meter_preset meter_serial_line meter_ct_ratio',
    registers: 'meter_function meter_word_order meter_fmt_v meter_reg_v_l1 meter_reg_v_l2 meter_reg_v_l3'
      + ' meter_fmt_a meter_reg_a_l1 meter_reg_a_l2 meter_reg_a_l3 meter_fmt_w meter_reg_w'
      + ' meter_fmt_kwh meter_reg_kwh',
    voltage: 'voltage_monitoring max_voltage high_voltage_hysteresis low_voltage_hysteresis min_voltage',
    temperature: 'temperature_1 temperature_reduction temperature_2 temperature_calibration',
    protection: 'pause_in_state_d',
    wear: 'contactor_lifetime plug_lifetime',
    test: 'simulate_card debug',
  },
  LOADMANAGEMENT: {
    building: 'dlb_function dlb_max_current installation_max_current dlb_eco dlb_pid',
    building_meter: 'dlb_preset dlb_timeout dlb_meters_list dlb_meters_url set_zero',
    building_registers: 'dlb_function_code dlb_fmt dlb_reg_l1 dlb_reg_l2 dlb_reg_l3',
    group: 'llm_enabled llm_network_mode llm_policy llm_group_id llm_group_size llm_grid_current'
      + ' llm_fallback_current llm_priority llm_rotation',
  },
  AUTHORIZATION: {
    cards: 'rfid_reader whitelist_enabled stop_mode tag_byte_order',
    free: 'free_charging free_charging_mode free_charging_tag plug_and_charge_id',
    offline: 'local_pre_authorize local_authorize_offline offline_allow_unknown authorization_cache'
      + ' cache_expire_mode stop_if_queue_full reservation_supported',
    schedule: 'charging_reservation start_time stop_time start_delay start_delay_max',
    power: 'resume_after_power_loss cold_load_max_delay',
  },
};
// Groups that few need are folded; those with a preset open when it leaves the choice to them.
const FOLDED = {timing: '', files: '', registers: 'meter_preset', building_registers: 'dlb_preset'};
const GROUP_AGAIN_MS = 5000;
const ASK_FIRST = ['restart', 'soft_reset', 'factory_reset', 'set_zero'];

/** Bring a setting of the page that is shown into view and mark it. */
export function reveal(key) {
  const place = document.getElementById('f-' + key);
  if (!place) return;
  const folded = place.closest('details');
  if (folded) folded.open = true;
  place.scrollIntoView({block: 'center'});
  place.classList.add('found');
  setTimeout(() => place.classList.remove('found'), 3000);
  const control = document.getElementById('i-' + key) || place.querySelector('button');
  if (control) control.focus({preventScroll: true});
}

// --- actions

function result(found) {
  if (found.text) return found.text;
  return typeof found.result === 'string' ? found.result : t('done');
}

/** A button for an action of the charger, with a field where it takes a text. */
export function makeAction(row) {
  const input = row.type === 'action+text' && el('input', {id: 'i-' + row.key, maxLength: 20,
    autocapitalize: 'none', spellcheck: false, 'aria-describedby': 'h-' + row.key});
  const button = el('button', {type: 'button', className: row.key === 'factory_reset' ? 'act grave' : 'act second',
    textContent: input ? t('run') : labelOf(row.key), 'aria-describedby': 'h-' + row.key});
  const answer = el('p', {className: 'hint', role: 'status'});
  button.addEventListener('click', async () => {
    if (ASK_FIRST.includes(row.key)) {
      if (!await ask(labelOf(row.key), t('sure_' + row.key), t('do_it'), t('cancel'))) return;
    }
    button.disabled = true;
    answer.className = 'hint';
    try {
      const found = await api('POST', '/api/actions/' + row.key, {value: input ? input.value.trim() : ''});
      if (row.key === 'dlb_meters_list') showMeters(found);
      else answer.textContent = result(found);
    } catch (error) {
      answer.className = 'error';
      answer.textContent = error.errors ? Object.values(error.errors).join(' ') : error.message;
    }
    button.disabled = false;
  });
  return el('div', {className: 'field', id: 'f-' + row.key},
    el('div', {className: 'about'},
      el(input ? 'label' : 'div', {className: 'label', htmlFor: 'i-' + row.key}, labelOf(row.key)),
      el('p', {className: 'help', id: 'h-' + row.key, textContent: helpOf(row.key)})),
    el('div', {className: 'control'}, el('div', {className: 'long'}, input, button), answer));
}

function showMeters(found) {
  const text = typeof found.result === 'string' ? found.result : JSON.stringify(found.result, null, 1);
  openDialog(labelOf('dlb_meters_list'), el('pre', {textContent: found.text || text, tabIndex: 0}),
    el('form', {method: 'dialog', className: 'buttons'}, el('button', {textContent: t('close')})));
}

// --- the form

class Form {
  constructor(section, rows) {
    this.fields = [];
    this.cards = [];
    this.node = el('form', {className: 'settings', noValidate: true});
    const left = new Map(rows.map((row) => [row.key, row]));
    for (const [group, keys] of Object.entries(GROUPS[section])) {
      this.addGroup(group, keys.split(' ').map((key) => left.get(key)).filter(Boolean));
      keys.split(' ').forEach((key) => left.delete(key));
    }
    this.addGroup('more', [...left.values()]);
    this.node.append(...this.cards);
    if (this.editable.length) this.addBar();
    this.followPresets();
    this.node.addEventListener('submit', (event) => {
      event.preventDefault();
      this.save(event.submitter && event.submitter.value === 'restart');
    });
  }

  get editable() {
    return this.fields.filter((field) => field.changes);
  }

  addGroup(group, rows) {
    const places = rows.map((row) => {
      if (row.type.startsWith('action')) return row.writable && makeAction(row);
      const field = makeField(row);
      this.fields.push(field);
      return field.node;
    }).filter(Boolean);
    if (!places.length) return;
    const title = el('h2', {textContent: t(group === 'more' ? 'more' : 'g_' + group)});
    this.cards.push(group in FOLDED
      ? el('details', {className: 'card', id: 'g-' + group}, el('summary', {}, title), ...places)
      : el('section', {className: 'card', id: 'g-' + group}, title, ...places));
  }

  addBar() {
    this.count = el('span', {className: 'soft', role: 'status'});
    this.discard = el('button', {type: 'button', className: 'second', textContent: t('discard')});
    this.keep = el('button', {textContent: t('save')});
    this.discard.addEventListener('click', () => this.reload());
    // Enter in a field takes the first button that submits
    this.node.append(el('div', {className: 'savebar card'}, this.count, this.discard, this.keep,
      el('button', {className: 'second', value: 'restart', textContent: t('save_restart')})));
    this.node.addEventListener('input', () => this.showCount());
    this.showCount();
  }

  /** A known meter needs no registers: they are folded away. */
  followPresets() {
    for (const card of this.cards) {
      const preset = this.fields.find((field) => field.row.key === FOLDED[card.id.slice(2)]);
      if (!preset || !preset.control) continue;
      const fold = () => { card.open = preset.control.value() === 'Custom'; };
      preset.control.node.addEventListener('input', fold);
      fold();
    }
  }

  get changed() {
    return this.editable.filter((field) => field.changes() !== undefined);
  }

  showCount() {
    const count = this.changed.length;
    this.count.textContent = count ? t(count === 1 ? 'one_change' : 'changes', count) : t('no_changes');
    this.discard.hidden = !count;
    this.keep.disabled = !count;
  }

  fail(errors) {
    const wrong = this.editable.filter((field) => errors[field.row.key]);
    wrong.forEach((field) => field.fail(errors[field.row.key]));
    const elsewhere = Object.keys(errors).filter((key) => !wrong.some((field) => field.row.key === key));
    say(elsewhere.length ? elsewhere.map((key) => errors[key]).join(' ') : t('see_fields'), true);
    if (wrong.length) reveal(wrong[0].row.key);
  }

  async save(restart) {
    const changed = this.changed;
    const wrong = changed.filter((field) => !field.check());
    if (wrong.length) {
      reveal(wrong[0].row.key);
      return;
    }
    if (!await this.mayLockOut(changed)) return;
    this.node.inert = true;
    let before = '';
    try {
      const changes = Object.fromEntries(changed.map((field) => [field.row.key, field.changes()]));
      const answer = changed.length ? await api('PUT', '/api/settings', changes) : {};
      changed.forEach((field) => field.saved());
      if (changed.length) before = t('saved') + ' ';
      if (restart) await api('POST', '/api/actions/restart', {});
      const told = answer && answer.restart ? 'saved_needs_restart' : 'saved';
      say(t(restart ? 'restarting' : told));
    } catch (error) {
      if (error.errors) this.fail(error.errors);
      else say(before + error.message, true); // no restart while a car charges, perhaps
    } finally {
      this.node.inert = false;
      this.showCount();
    }
  }

  mayLockOut(changed) {
    const grave = changed.filter((field) => field.row.may_lock_out);
    if (!grave.length) return true;
    const names = grave.map((field) => labelOf(field.row.key)).join(', ');
    return ask(t('lockout'), t('lockout_text', names), t('do_it'), t('cancel'));
  }
}

/**
 * Show the form of a section in `place`, with the settings of `keys` only where they are given.
 *
 * Answers with a promise of the form; form.changed are the fields with changes.
 */
export async function showForm(place, section, keys) {
  const draw = async () => {
    const {settings} = await api('GET', '/api/settings?page=' + section);
    const rows = keys ? settings.filter((row) => keys.includes(row.key)) : settings;
    const form = new Form(section, rows);
    form.reload = draw;
    place.replaceChildren(form.node);
    guard(() => form.changed.length > 0 && form.node.isConnected);
    return form;
  };
  return draw();
}

function transferCard(form) {
  const button = (kind) => {
    const made = el('button', {type: 'button', className: 'second', textContent: t(kind)});
    made.addEventListener('click', async () => (await import('./transfer.js'))[kind + 'Dialog'](form.reload));
    return made;
  };
  return el('section', {className: 'card', id: 'g-transfer'}, el('h2', {textContent: t('g_transfer')}),
    el('p', {className: 'help', textContent: t('transfer_text')}),
    el('p', {className: 'buttons'}, button('export'), button('import')));
}

/** The group that the charger is in, above the form; a charger that is busy is asked again. */
async function showGroup(place) {
  const found = await api('GET', '/api/group').catch(() => null);
  if (!place.isConnected) return;
  if (!found) setTimeout(() => showGroup(place), GROUP_AGAIN_MS);
  else if (found.mode) place.before(new (await import('./group.js')).Group(found).box);
}

function calibrationCard() {
  const open = el('button', {type: 'button', className: 'second', textContent: t('cal_open')});
  open.addEventListener('click', async () => (await import('./calibration.js')).open());
  return el('section', {className: 'card'}, el('p', {className: 'buttons'}, open));
}

/** Show a section's page in `main`, with the setting `key` in view; answers with a function that ends it. */
export function show(main, session, address, key) {
  const section = address.toUpperCase();
  const place = el('div', {'aria-busy': true}, el('p', {className: 'soft', textContent: t('loading')}));
  const head = el('h1', {}, t('page_' + section));
  main.replaceChildren(head, place);
  let isShown = true;
  showForm(place, section).then((form) => {
    if (!isShown) return;
    place.ariaBusy = false;
    if (!form.editable.length) head.after(el('p', {className: 'soft', textContent: t('read_only')}));
    if (section === 'SYSTEM' && session.role !== 'user') place.after(transferCard(form));
    if (section === 'MANUFACTURER' && session.role === 'manufacturer') place.after(calibrationCard());
    if (section === 'LOADMANAGEMENT') showGroup(place);
    if (key) reveal(key);
  }).catch((error) => place.replaceChildren(el('p', {className: 'error', role: 'alert', textContent: error.message})));
  return () => { isShown = false; };
}
