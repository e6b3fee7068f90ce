/**
 * The configuration file to one frozen {@link Configuration}, or to all its mistakes at once. Nothing is released from
 * a file with a single mistake, so a reload keeps the old configuration whole (catalogue O5).
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import nodePath from 'node:path';
import { buildDelivery, buildQueue } from './build-delivery.ts';
import { type Building, buildDoor } from './build-door.ts';
import { buildDirectory, buildIdentities, buildTrust } from './build-lookups.ts';
import { ProfileBook } from './build-profiles.ts';
import { buildRules } from './build-rules.ts';
import type { Configuration, ConfigurationResult } from './configuration.ts';
import { type Site, siteShape } from './language.ts';
import { MistakeList } from './mistake-list.ts';
import { diskFiles, type FileAccess, NamedFiles } from './named-files.ts';
import { decodeUtf8, parseYamlText } from './yaml-text.ts';

/**
 * Reads and checks a file and the files it names. Never rejects: a file that cannot be read is a mistake of its own.
 * @param file path as given; it is printed so in mistakes and explanations
 */
export async function loadConfiguration(file: string): Promise<ConfigurationResult> {
  try {
    const text = decodeUtf8(await readFile(file));
    return text === null
      ? unreadable(file, 'is not UTF-8')
      : await parseConfiguration(text, file, diskFiles, new Date());
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
    return unreadable(file, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
}

function unreadable(file: string, problem: string): ConfigurationResult {
  return { ok: false, mistakes: [{ file, line: 1, column: 1, key: '', problem, allowed: '' }] };
}

/**
 * The core of {@link loadConfiguration}.
 * @param file name of the text: relative paths in it start from its folder
 * @param now what certificates are compared with
 */
export async function parseConfiguration(
  text: string,
  file: string,
  access: FileAccess,
  now: Date,
): Promise<ConfigurationResult> {
  const list = new MistakeList(file, text);
  const root = parseYamlText(text, list);
  const site = root === null ? null : siteShape.read(root, { key: '', offset: 0 }, list);
  if (site === null) return { ok: false, mistakes: list.mistakes };
  const absolute = nodePath.resolve(file);
  const files = new NamedFiles(access, nodePath.dirname(absolute), list);
  const parts = await buildParts(site.value, { list, files, now });
  if (list.mistakes.length > 0) return { ok: false, mistakes: list.mistakes };
  const id = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { ok: true, configuration: freeze({ id, file: absolute, ...parts }), warnings: list.warnings };
}

async function buildParts(site: Site, building: Building): Promise<Omit<Configuration, 'id' | 'file'>> {
  const profiles = new ProfileBook(site, building.list);
  const policy = buildRules(site, profiles, building.list);
  return {
    hostname: site.hostname?.value ?? '',
    door: await buildDoor(site, building),
    policy,
    profiles: profiles.definitions,
    trust: await buildTrust(site, building),
    identities: await buildIdentities(site, building),
    directory: await buildDirectory(site, building),
    delivery: await buildDelivery(site, building),
    queue: await buildQueue(site, building),
    log: { level: site.log?.value.level?.value ?? 'info' },
  };
}

/** Freezes to the bottom. Buffers cannot be frozen; nobody writes to those of a configuration. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
