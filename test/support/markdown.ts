/** The documentation as a test reads it: prose pages, their links, headings, code and tables. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = process.cwd();
const FENCE = /^```.*\n([\s\S]*?)^```/gm;

/** One page. */
export interface Page {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly text: string;
}

export function loadPage(file: string): Page {
  return { file, text: readFileSync(path.join(ROOT, file), 'utf8') };
}

/** Every page that people read. */
export function allPages(): readonly Page[] {
  const markdown = (folder: string): string[] =>
    readdirSync(path.join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(folder, name));
  return ['.', 'docs', 'certs'].flatMap(markdown).map(loadPage);
}

/** Without fenced code, where brackets are no links. */
export function proseOf(page: Page): string {
  return page.text.replace(FENCE, '');
}

/** Targets of links and images. */
export function linksOf(page: Page): readonly string[] {
  const prose = proseOf(page).replace(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
}

/** Fragments that a heading makes, as code forges do. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  const headings = Array.from(proseOf(page).matchAll(/^#+ (.+)$/gm), ([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Inline code, in order. */
export function inlineCodeOf(page: Page): readonly string[] {
  return Array.from(proseOf(page).matchAll(/`([^`\n]+)`/g), ([, code = '']) => code);
}

/** Contents of fenced code, in order. */
export function fencedCodeOf(page: Page, language?: string): readonly string[] {
  const fences = language === undefined ? FENCE : new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm');
  return Array.from(page.text.matchAll(fences), ([, code = '']) => code);
}

/** Cells of every table row, heads and rules left out by the caller. */
export function tableRowsOf(page: Page): readonly (readonly string[])[] {
  return Array.from(page.text.matchAll(/^\|(.+)\|$/gm), ([, row = '']) => row.split('|').map((cell) => cell.trim()));
}
