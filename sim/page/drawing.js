// The pilot's wave and the chart of currents, on canvases that follow the page's colours.

const KEEP_S = 300;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = Number(canvas.getAttribute('data-height') || canvas.getAttribute('height'));
  if (!canvas.dataset.height) canvas.dataset.height = height;
  canvas.style.height = `${height}px`;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  pen.font = '11px system-ui, sans-serif';
  return {pen, width, height};
}

function grid(pen, width, levels, yOf, unit) {
  pen.strokeStyle = colour('--line');
  pen.fillStyle = colour('--soft');
  pen.lineWidth = 1;
  pen.textAlign = 'right';
  for (const level of levels) {
    pen.beginPath();
    pen.moveTo(38, yOf(level));
    pen.lineTo(width, yOf(level));
    pen.stroke();
    pen.fillText(`${level} ${unit}`, 34, yOf(level) + 4);
  }
}

/** Draw two periods of the pilot. */
export function drawWave(canvas, pilot) {
  const {pen, width, height} = prepare(canvas);
  const yOf = (volts) => 10 + (13.5 - volts) / 27 * (height - 20);
  grid(pen, width, [12, 9, 6, 3, 0, -12], yOf, 'V');
  const high = yOf(pilot.high_mv / 1000);
  const low = yOf(pilot.low_mv / 1000);
  const period = (width - 60) / 2.2;
  const duty = Math.min(1, Math.max(0, pilot.duty_permille / 1000));
  pen.strokeStyle = colour('--wave');
  pen.lineWidth = 2.5;
  pen.lineJoin = 'round';
  pen.beginPath();
  if (duty === 0 || duty === 1) {
    pen.moveTo(44, duty ? high : low);
    pen.lineTo(width - 6, duty ? high : low);
  } else {
    pen.moveTo(44, low);
    for (let x = 54; x < width - 6; x += period) {
      pen.lineTo(x, low);
      pen.lineTo(x, high);
      pen.lineTo(Math.min(x + duty * period, width - 6), high);
      if (x + duty * period < width - 6) pen.lineTo(x + duty * period, low);
      if (x + period > width - 6) pen.lineTo(width - 6, x + duty * period < width - 6 ? low : high);
    }
  }
  pen.stroke();
}

/** Currents of three phases and the limit over the last minutes. */
export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.samples = [];
  }

  clear() {
    this.samples = [];
  }

  /** Add a sample and draw. */
  add(amps, limit) {
    const now = performance.now() / 1000;
    this.samples.push([now, ...amps, limit]);
    while (this.samples[0][0] < now - KEEP_S) this.samples.shift();
    this.draw(now);
  }

  draw(now) {
    const {pen, width, height} = prepare(this.canvas);
    const top = Math.max(8, ...this.samples.map((sample) => Math.max(...sample.slice(1)))) * 1.25;
    const yOf = (amps) => height - 18 - amps / top * (height - 28);
    const xOf = (time) => width - 4 - (now - time) / KEEP_S * (width - 46);
    const step = [2, 5, 10, 20].find((size) => top / size <= 5) || 50;
    const levels = [];
    for (let level = 0; level < top; level += step) levels.push(level);
    grid(pen, width, levels, yOf, 'A');
    pen.textAlign = 'center';
    for (let minute = 1; minute < 5; minute++) pen.fillText(`−${minute} min`, xOf(now - minute * 60), height - 4);
    const lines = [['--limit', 4, 'offered'], ['--l3', 3, 'L3'], ['--l2', 2, 'L2'], ['--l1', 1, 'L1']];
    lines.forEach(([name, column, label], i) => {
      pen.strokeStyle = pen.fillStyle = colour(name);
      pen.lineWidth = column === 4 ? 1.5 : 2;
      pen.setLineDash(column === 4 ? [5, 4] : []);
      pen.beginPath();
      this.samples.forEach((sample) => pen.lineTo(xOf(sample[0]), yOf(sample[column])));
      pen.stroke();
      pen.setLineDash([]);
      pen.fillText(label, width - 20 - i * 34 - (i ? 14 : 0), 11);
    });
  }
}
