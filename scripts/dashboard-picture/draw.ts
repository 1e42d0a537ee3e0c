/**
 * Draws the panels of a dashboard in its grid, as SVG. Enters: panels with what Prometheus answered to their queries. It draws
 * lines, stacks, numbers, bars, tables and heat maps plainly; Grafana's own are other.
 */
import type { Panel } from './dashboard.ts';

export interface Series {
  readonly legend: string;
  /** Seconds since 1970, and values; where there is none it is NaN. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

export interface Answered {
  readonly panel: Panel;
  readonly series: readonly Series[];
}

const WIDTH = 1600;
const COLUMN = WIDTH / 24;
const LINE = 30;
const COLORS = [
  '#3274d9',
  '#e0752d',
  '#56a64b',
  '#e02f44',
  '#8f3bb8',
  '#b8860b',
  '#1f9e9e',
  '#7a7a7a',
  '#c15c9a',
  '#5b6abf',
];
const LEGENDS = 6;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const colorOf = (index: number): string => COLORS[index % COLORS.length] ?? '';
const at = (value: number): string => value.toFixed(1);
const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${at(x)}" y="${at(y)}" ${more}>${escaped(content)}</text>`;

/** Gives the whole picture. */
export function draw(answers: readonly Answered[], [from, to]: readonly [number, number]): string {
  const height = Math.max(...answers.map(({ panel: { gridPos: grid } }) => grid.y + grid.h)) * LINE;
  const body = answers.map((answer) => drawPanel(answer, [from, to])).join('\n');
  const style =
    'text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:12px}.faint{fill:#777;font-size:10px}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}">
<style>${style}</style><rect width="${WIDTH}" height="${height}" fill="#f4f5f5"/>
${body}
</svg>
`;
}

function drawPanel({ panel, series }: Answered, range: readonly [number, number]): string {
  const { x, y, w, h } = panel.gridPos;
  const [left, top, width, height] = [x * COLUMN, y * LINE, w * COLUMN, h * LINE];
  if (panel.type === 'row') return text(left + 8, top + 20, panel.title, 'style="font-size:15px;font-weight:bold"');
  const box = { left: left + 48, top: top + 30, width: width - 62, height: height - 68 };
  const content = DRAWN[panel.type]?.({ panel, series }, box, range) ?? '';
  return `<rect x="${at(left + 2)}" y="${top + 2}" width="${at(width - 4)}" height="${height - 4}" fill="#fff" stroke="#ddd"/>
${text(left + 10, top + 19, panel.title, 'class="title"')}${content}`;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
type Drawn = (answer: Answered, box: Box, range: readonly [number, number]) => string;

const lastOf = ({ points }: Series): number => points.findLast(([, value]) => Number.isFinite(value))?.[1] ?? NaN;

const drawLines: Drawn = ({ panel, series }, box, range) => {
  const { unit = 'short', custom } = panel.fieldConfig?.defaults ?? {};
  const isStacked = custom?.stacking?.mode === 'normal';
  const below = new Map<number, number>();
  const lines = series.map(({ points }) =>
    points.map(([time, value]) => {
      if (!isStacked) return { time, low: 0, high: value };
      const low = below.get(time) ?? 0;
      const high = low + (Number.isFinite(value) ? value : 0);
      below.set(time, high);
      return { time, low, high };
    }),
  );
  const top = Math.max(0, ...lines.flat().flatMap(({ high }) => (Number.isFinite(high) ? high : []))) * 1.1 || 1;
  const xOf = (time: number) => box.left + ((time - range[0]) / (range[1] - range[0])) * box.width;
  const yOf = (value: number) => box.top + box.height * (1 - value / top);
  const point = (time: number, value: number) => `${at(xOf(time))},${at(yOf(value))}`;
  const drawn = lines.map((line, index) => {
    const pieces = line.reduce<(typeof line)[]>(
      (all, one) => (Number.isFinite(one.high) ? [...all.slice(0, -1), [...(all.at(-1) ?? []), one]] : [...all, []]),
      [[]],
    );
    const paths = pieces
      .filter((piece) => piece.length > 0)
      .map((piece) => {
        const high = piece.map(({ time, high: value }) => point(time, value)).join(' ');
        const low = piece
          .toReversed()
          .map(({ time, low: value }) => point(time, value))
          .join(' ');
        const area = isStacked ? `<polygon points="${high} ${low}" fill="${colorOf(index)}" fill-opacity=".3"/>` : '';
        return `${area}<polyline points="${high}" fill="none" stroke="${colorOf(index)}" stroke-width="1.4"/>`;
      });
    return paths.join('');
  });
  return (
    drawAxes(
      box,
      range,
      [0, top / 2, top].map((value) => [yOf(value), inUnit(value, unit)]),
    ) +
    drawn.join('') +
    drawLegend(series, box)
  );
};

function drawAxes(
  box: Box,
  [from, to]: readonly [number, number],
  ticks: readonly (readonly [number, string])[],
): string {
  const grid = ticks.map(
    ([y, label]) =>
      `<line x1="${at(box.left)}" x2="${at(box.left + box.width)}" y1="${at(y)}" y2="${at(y)}" stroke="#e8e8e8"/>` +
      text(box.left - 5, y + 4, label, 'class="faint" text-anchor="end"'),
  );
  const span = `${Math.round(to - from)} s`;
  return grid.join('') + text(box.left + box.width, box.top + box.height + 13, span, 'class="faint" text-anchor="end"');
}

function drawLegend(series: readonly Series[], box: Box): string {
  let x = box.left - 38;
  let shown = 0;
  const parts = series.slice(0, LEGENDS).flatMap(({ legend }, index) => {
    const width = 20 + legend.length * 6;
    if (x + width > box.left + box.width + 10) return [];
    const y = box.top + box.height + 22;
    const one = `<rect x="${at(x)}" y="${at(y)}" width="9" height="3" fill="${colorOf(index)}"/>${text(x + 13, y + 5, legend, 'class="faint"')}`;
    x += width;
    shown += 1;
    return one;
  });
  if (shown < series.length)
    parts.push(text(x + 2, box.top + box.height + 27, `+${series.length - shown}`, 'class="faint"'));
  return parts.join('');
}

const drawNumbers: Drawn = ({ panel, series }, box) => {
  const unit = panel.fieldConfig?.defaults.unit ?? 'short';
  const width = (box.width + 40) / Math.max(1, series.length);
  return series
    .map((one, index) => {
      const x = box.left - 38 + width * (index + 0.5);
      const number = inUnit(lastOf(one), unit);
      const size = 'text-anchor="middle" style="font-size:30px;font-weight:bold"';
      return (
        text(x, box.top + 45, number, size) + text(x, box.top + 68, one.legend, 'class="faint" text-anchor="middle"')
      );
    })
    .join('');
};

const drawBars: Drawn = ({ panel, series }, box) => {
  const unit = panel.fieldConfig?.defaults.unit ?? 'short';
  const most = Math.max(1, ...series.map(lastOf));
  const left = box.left - 38;
  return series
    .map((one, index) => {
      const y = box.top + 8 + index * 40;
      const width = (lastOf(one) / most) * (box.width - 60);
      const bar = `<rect x="${at(left)}" y="${y + 6}" width="${at(width)}" height="16" fill="${colorOf(index)}"/>`;
      return text(left, y, one.legend) + bar + text(left + width + 6, y + 19, inUnit(lastOf(one), unit));
    })
    .join('');
};

const drawTable: Drawn = ({ panel, series }, box) => {
  const unit = panel.fieldConfig?.defaults.unit ?? 'short';
  const rows = series.map((one, index) => {
    const y = box.top + 16 + index * 20;
    return (
      text(box.left - 38, y, one.legend) + text(box.left + box.width, y, inUnit(lastOf(one), unit), 'text-anchor="end"')
    );
  });
  return rows.join('');
};

/** Its series are cumulative buckets. */
const drawHeat: Drawn = ({ series }, box, range) => {
  const buckets = series
    .map(({ legend, points }) => ({
      bound: legend === '+Inf' ? Infinity : Number(legend),
      points: new Map(points.filter(([, value]) => Number.isFinite(value))),
    }))
    .toSorted((one, other) => one.bound - other.bound);
  const times = [...new Set(buckets.flatMap(({ points }) => [...points.keys()]))].toSorted((one, other) => one - other);
  const cells = times.flatMap((time) =>
    buckets.map(({ points }, row) => (points.get(time) ?? 0) - (buckets[row - 1]?.points.get(time) ?? 0)),
  );
  const most = Math.max(1, ...cells);
  const [width, height] = [box.width / Math.max(1, times.length), box.height / Math.max(1, buckets.length)];
  const drawn = cells.flatMap((count, index) => {
    if (!(count > 0)) return [];
    const [column, row] = [Math.floor(index / buckets.length), index % buckets.length];
    const [x, y] = [box.left + column * width, box.top + box.height - (row + 1) * height];
    const strength = (0.15 + 0.85 * Math.sqrt(count / most)).toFixed(2);
    return `<rect x="${at(x)}" y="${at(y)}" width="${at(width + 0.2)}" height="${at(height)}" fill="#8f3bb8" fill-opacity="${strength}"/>`;
  });
  const ticks = buckets.flatMap(({ bound }, row): (readonly [number, string])[] =>
    row % 4 === 0 ? [[box.top + box.height - (row + 0.5) * height, inUnit(bound, 's')]] : [],
  );
  return drawAxes(box, range, ticks) + drawn.join('');
};

const DRAWN: Readonly<Record<string, Drawn>> = {
  timeseries: drawLines,
  stat: drawNumbers,
  bargauge: drawBars,
  table: drawTable,
  heatmap: drawHeat,
};

function inUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '-' : 'more';
  const short = (number: number): string => String(Number(number.toPrecision(3)));
  if (unit === 'percentunit') return `${short(value * 100)}%`;
  if (unit === 's') {
    if (value >= 2 * 86_400) return `${short(value / 86_400)} d`;
    return value !== 0 && value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
  }
  const isBytes = unit === 'bytes' || unit === 'Bps';
  const step = isBytes ? 1024 : 1000;
  const names = isBytes ? ['B', 'KiB', 'MiB', 'GiB', 'TiB'] : ['', 'k', 'M', 'G', 'T'];
  let [number, power] = [value, 0];
  for (; number >= step && power < names.length - 1; number /= step) power += 1;
  const suffix = { reqps: '/s', Bps: '/s' }[unit] ?? '';
  return `${short(number)}${isBytes ? ' ' : ''}${names[power]}${suffix}`;
}
