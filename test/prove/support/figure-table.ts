/** Figures for people: a table of aligned columns, and numbers with their units. */

/** Prints a table; the first row is its head. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  console.log(`\n${title}`);
  for (const row of rows) {
    console.log(
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`,
    );
  }
}

export function megabytes(octets: number): string {
  return `${(octets / 1_000_000).toFixed(1)} MB`;
}

export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

/** Says what failed, or that nothing did. @returns the exit code of the proof */
export function printVerdict(failures: readonly string[]): number {
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  console.log(failures.length === 0 ? '\nproved' : `\nnot proved: ${failures.length}`);
  return failures.length === 0 ? 0 : 1;
}
