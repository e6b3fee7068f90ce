/** Bars in groups as an SVG, for the pictures of benchmark results. No dependency, no script, readable on light and dark. */

export interface BarGroup {
  readonly label: string;
  /** One value a series, in its order; null where there is none. */
  readonly values: readonly (number | null)[];
}

export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
}

const COLOURS = ['#0b6e4f', '#8fb8a8', '#c2571a', '#5b6ea6', '#b3a03a', '#888888', '#7a3e65'];
const BAR = 13;
const GAP = 16;
const LEFT = 150;
const PLOT = 560;
const TOP = 62;
/** Room for the value behind its bar. */
const RIGHT = 80;

export function barChart({ title, unit, series, groups }: BarChart): string {
  const shown = groups.map((group) => ({
    ...group,
    bars: group.values.flatMap((value, index) => (value === null ? [] : [{ value, index }])),
  }));
  const largest = Math.max(1, ...shown.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const parts: string[] = [text(12, 22, title, 'font-size="15" font-weight="bold"')];
  let legend = 12;
  for (const [index, name] of series.entries()) {
    parts.push(
      `<rect x="${legend}" y="34" width="11" height="11" fill="${colour(index)}"/>`,
      text(legend + 16, 44, name),
    );
    legend += 34 + name.length * 7;
  }
  let y = TOP;
  for (const { label, bars } of shown) {
    parts.push(text(LEFT - 10, y + (bars.length * BAR) / 2 + 4, label, 'text-anchor="end"'));
    for (const { value, index } of bars) {
      const width = Math.max(1, (value / largest) * PLOT);
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colour(index)}"/>`,
      );
      parts.push(
        text(LEFT + width + 5, y + BAR - 4, value < 10 ? value.toFixed(1) : value.toFixed(0), 'font-size="10"'),
      );
      y += BAR;
    }
    y += GAP;
  }
  parts.push(text(LEFT, y + 4, unit, 'font-size="11" fill-opacity="0.7"'));
  const width = Math.max(LEFT + PLOT + RIGHT, legend);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 16}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'black';
}

function text(x: number, y: number, words: string, attributes = ''): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped}</text>`;
}
