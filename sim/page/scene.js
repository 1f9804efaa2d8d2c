// The drawn charger and car.

import {change} from './client.js';

const $ = (id) => document.getElementById(id);
const WORDS = {
  A: 'No car', B: 'Car connected', C: 'Car asks for energy', D: 'Car asks, with ventilation', E: 'Pilot fault', F: 'Charger not available',
};

function drawLamps(leds) {
  for (const lamp of $('leds').children) {
    const pattern = leds[lamp.dataset.led] || 'off';
    const [kind, speed] = pattern.split(' ');
    lamp.setAttribute('class', pattern === 'off' ? '' : `lit ${kind} ${speed || ''}`);
    lamp.innerHTML = `<title>${lamp.dataset.led}: ${pattern}</title>`;
  }
}

function drawDisplay(lines, lit) {
  $('lcd').setAttribute('class', lit ? 'lit' : '');
  $('lcd').querySelectorAll('text').forEach((text, i) => {
    const shown = (lines[i] || '').padEnd(16).replaceAll(' ', '\u00a0');
    if (text.textContent !== shown) text.textContent = shown;
  });
}

function drawCable(plugged, amps) {
  const path = plugged ? 'M222 250 C280 320 356 318 388 268 S410 222 434 218' : 'M222 250 C262 300 274 296 282 268 S262 196 236 206';
  $('cable').setAttribute('d', path);
  $('flow').setAttribute('d', path);
  $('flow').setAttribute('class', amps > 0.2 ? 'on' : '');
}

/** Bring the drawing to a board's state. */
export function drawScene(state) {
  const {vehicle, pilot} = state;
  const on = state.powered !== false && state.firmware.running;
  $('scene').setAttribute('class', on ? '' : 'dark');
  $('power-off').textContent = state.powered === false ? 'no supply' : 'not running';
  drawLamps(on ? state.leds : {});
  drawDisplay(state.lcd, on && state.lcd_backlight !== false);
  $('contactor').setAttribute('class', `${state.contactor_closed ? 'closed' : ''} ${state.coil ? 'on' : ''}`);
  $('lock').setAttribute('class', state.lock ? 'closed' : '');
  $('reader').setAttribute('class', (state.cards || []).length ? 'held' : '');
  const amps = vehicle.drawn_a ?? Math.max(...state.meter.a);
  drawCable(vehicle.plugged, amps);
  $('car').setAttribute('class', vehicle.plugged ? '' : 'away');
  $('charge').setAttribute('width', String(84 * Math.min(1, Math.max(0, vehicle.soc))));
  $('soc').textContent = `${(vehicle.soc * 100).toFixed(1)} %`;
  const words = amps > 0.2 ? 'Charging' : WORDS[pilot.vehicle_state] || pilot.vehicle_state;
  $('words').textContent = words;
  $('amps').textContent = state.signaled_a > 0 ? `offered ${state.signaled_a.toFixed(1)} A, drawn ${amps.toFixed(1)} A` : 'nothing offered';
  $('scene-text').textContent = `${words}; contactor ${state.contactor_closed ? 'closed' : 'open'}; plug ${state.lock ? 'locked' : 'not locked'}`;
}

function press(element, action) {
  element.addEventListener('click', action);
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      action();
    }
  });
}

press($('button'), () => change('POST', 'button', {hold_ms: 200}));
press($('reader'), () => document.dispatchEvent(new CustomEvent('hold-card')));
