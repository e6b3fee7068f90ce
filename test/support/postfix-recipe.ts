/**
 * The recipe of config/postfix as an administrator would apply it: the files as they stand, with hosts, ports and
 * paths of this test put in. A line that is to be replaced and is not there fails the test.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { MadeCertificate } from './certificate-builder.ts';

export interface RecipePlace {
  /** Folder for the files that the recipe puts into /etc/postfix. */
  readonly folder: string;
  readonly gatewayPort: number;
  readonly submissionPort: number;
  /** Where sealed mail comes back, and where it goes from there. */
  readonly sealedPort: number;
  readonly outsidePort: number;
  /** Key and certificate of the submission service, and the CA of the gateway's certificate. */
  readonly server: MadeCertificate;
  readonly ca: MadeCertificate;
}

const FOLDER = 'config/postfix';

/** Lines for main.cf and text for master.cf. */
export function applyRecipe(place: RecipePlace): { main: string[]; master: string } {
  const { folder, server } = place;
  for (const name of ['sealgate_header_checks', 'sealgate_sender_logins']) {
    writeFileSync(path.join(folder, name), readFileSync(path.join(FOLDER, name)));
  }
  writeFileSync(path.join(folder, 'sealgate_ca.pem'), place.ca.pem);
  writeFileSync(path.join(folder, 'server.pem'), server.keyPem + server.pem, { mode: 0o600 });
  const main = replaced('main.cf', folder, [['[gw.example.org]:25', `[localhost]:${place.gatewayPort}`]]);
  const master = replaced('master.cf', folder, [
    ['submission inet', `127.0.0.1:${place.submissionPort} inet`],
    ['10026     inet', `127.0.0.1:${place.sealedPort} inet`],
    ['mynetworks=192.0.2.25', 'mynetworks=127.0.0.1'],
    // by MX there; to a server of the test here
    ['content_filter=outside:\n', `content_filter=outside:[127.0.0.1]:${place.outsidePort}\n`],
  ]);
  const certificate = `smtpd_tls_chain_files = ${path.join(folder, 'server.pem')}`;
  return { main: [...main.split('\n'), certificate], master };
}

function replaced(name: string, folder: string, changes: readonly (readonly [string, string])[]): string {
  let text = readFileSync(path.join(FOLDER, name), 'utf8').replaceAll('/etc/postfix', folder);
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${FOLDER}/${name} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}
