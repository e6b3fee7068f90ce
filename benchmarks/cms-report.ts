/** The table and the picture of `npm run bench:cms`. */
import type { Operation } from './cms-operations.ts';
import type { Figure } from './cms-peers.ts';
import { median, spread } from './corpus.ts';
import { barChart } from './plot.ts';

export interface CellResult {
  readonly operation: Operation;
  /** null where no content is encrypted. */
  readonly cipher: 'cbc' | 'gcm' | null;
  readonly size: string;
  readonly bytes: number;
  readonly key: string;
  /** Figures of each round, by program; `sealgate` is ours. */
  readonly figures: Record<string, Figure[]>;
}

export const OURS = 'sealgate';

const TITLES: Readonly<Record<Operation, string>> = {
  sign: 'sign',
  encrypt: 'encrypt',
  seal: 'sign+encrypt',
  decrypt: 'decrypt',
  verify: 'verify',
  open: 'decrypt+verify',
};

export function titleOf({ operation, cipher }: CellResult): string {
  return cipher === null ? TITLES[operation] : `${TITLES[operation]} ${cipher.toUpperCase()}`;
}

/** Markdown: figures of ours, and ratios to each peer in the same round. */
export function formatCells(cells: readonly CellResult[], peers: readonly string[]): string {
  const lines = [
    `| operation | message | keys | messages/s (CPU) | MB/s (CPU) | peak RSS MiB |${peers.map((name) => ` / ${name} |`).join('')}`,
    `|---|---|---|---|---|---|${peers.map(() => '---|').join('')}`,
  ];
  for (const cell of cells) {
    const ours = cell.figures[OURS] ?? [];
    const rate = median(ours.map(({ seconds }) => 1 / seconds));
    const rss = Math.max(...ours.map(({ rssMiB }) => rssMiB ?? 0));
    const ratios = peers.map((name) => ` ${ratioOf(cell, name)} |`).join('');
    const megabytes = (rate * cell.bytes) / 1e6;
    lines.push(
      `| ${titleOf(cell)} | ${cell.size} | ${cell.key} | ${rate.toFixed(rate < 100 ? 1 : 0)} | ${megabytes.toFixed(megabytes < 100 ? 1 : 0)} | ${rss.toFixed(0)} |${ratios}`,
    );
  }
  return lines.join('\n');
}

/** `1.23 [1.10-1.31]`: how many times as many messages a CPU second as the peer. */
export function ratioOf(cell: CellResult, peer: string): string {
  const ours = cell.figures[OURS] ?? [];
  const theirs = cell.figures[peer] ?? [];
  const ratios = theirs.flatMap(({ seconds }, round) => {
    const own = ours[round];
    return own === undefined ? [] : [seconds / own.seconds];
  });
  return ratios.length === 0 ? '' : spread(ratios);
}

/** MB a CPU second of the messages of one size, with RSA-2048. */
export function drawCells(cells: readonly CellResult[], size: string, peers: readonly string[]): string {
  const shown = cells.filter((cell) => cell.size === size && cell.key === 'rsa-2048');
  const programs = [OURS, ...peers].filter((name) => shown.some(({ figures }) => name in figures));
  return barChart({
    title: `S/MIME, messages of ${size}, RSA-2048, AES-256, one core`,
    unit: 'MB of message a CPU second; opening counts both passes',
    series: programs,
    groups: shown.map((cell) => ({
      label: titleOf(cell),
      values: programs.map((name) => {
        const figures = cell.figures[name] ?? [];
        return figures.length === 0 ? null : median(figures.map(({ seconds }) => cell.bytes / 1e6 / seconds));
      }),
    })),
  });
}
