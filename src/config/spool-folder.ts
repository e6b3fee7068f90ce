/**
 * Where the spool of a configuration file lies, asked of the file alone. Commands that talk to the running gateway need
 * nothing else of it, and must go on working while the file has mistakes: an administrator who slipped still wants to
 * see the queue, and a health check that fails for a slip would make a supervisor stop a gateway that runs well.
 */
import { readFile } from 'node:fs/promises';
import nodePath from 'node:path';
import { siteShape } from './language.ts';
import { MistakeList } from './mistake-list.ts';
import { decodeUtf8, parseYamlText } from './yaml-text.ts';

/**
 * Finds `queue.folder`. Never rejects.
 * @param file as given on the command line
 * @returns absolute path; null when the file cannot be read as YAML or does not name a folder
 */
export async function findSpoolFolder(file: string): Promise<string | null> {
  const text = await readFile(file).then(decodeUtf8, () => null);
  if (text === null) return null;
  const mistakes = new MistakeList(file, text);
  const root = parseYamlText(text, mistakes);
  const site = root === null ? null : siteShape.read(root, { key: '', offset: 0 }, mistakes);
  const folder = site?.value.queue?.value.folder?.value;
  return folder === undefined ? null : nodePath.resolve(nodePath.dirname(nodePath.resolve(file)), folder);
}
