/** PKITS cases put to other validators, with the CRLs of the case: OpenSSL's command and PKI.js' chain engine. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Certificate, CertificateChainValidationEngine, CertificateRevocationList } from 'pkijs';
import { pemOf } from '../../support/certificate-builder.ts';
import type { PkitsCase } from '../../support/pkits.ts';

const AT = new Date('2020-01-01');

function filesOf(one: PkitsCase, vectors: string) {
  const read = (folder: string, name: string) => readFileSync(path.join(vectors, 'pkits', folder, name));
  const certificates = one.path.map((name) => read('certs', name));
  return {
    anchor: certificates.slice(0, 1),
    leaf: certificates.slice(-1),
    untrusted: [...certificates.slice(1, -1), ...one.extra_certs.map((name) => read('certs', name))],
    crls: one.crls.map((name) => read('crls', name)),
  };
}

/**
 * In either order of the intermediates, for OpenSSL does not go back on a certificate of the right name.
 * @param scratch folder for its files
 */
export function openSslAccepts(one: PkitsCase, vectors: string, scratch: string): boolean {
  const files = filesOf(one, vectors);
  const reversed = { ...files, untrusted: [...files.untrusted].reverse() };
  return openSslRun(one, files, scratch) || openSslRun(one, reversed, scratch);
}

function openSslRun({ settings }: PkitsCase, files: ReturnType<typeof filesOf>, scratch: string): boolean {
  const write = (name: string, label: string, list: readonly Buffer[]): string => {
    const file = path.join(scratch, name);
    writeFileSync(file, list.map((octets) => pemOf(label, octets)).join(''));
    return file;
  };
  const words = [
    ...['verify', '-attime', String(AT.getTime() / 1000), '-no-CApath', '-no-CAstore', '-policy_check'],
    ...['-CAfile', write('anchor.pem', 'CERTIFICATE', files.anchor)],
    ...(files.untrusted.length > 0 ? ['-untrusted', write('untrusted.pem', 'CERTIFICATE', files.untrusted)] : []),
    ...['-crl_check_all', '-extended_crl', '-use_deltas', '-CRLfile', write('crls.pem', 'X509 CRL', files.crls)],
    // anyPolicy too: OpenSSL takes no -policy as an empty set
    ...settings.initial_policy_set_oids.flatMap((oid) => ['-policy', oid]),
    ...(settings.initial_explicit_policy ? ['-explicit_policy'] : []),
    ...(settings.initial_policy_mapping_inhibit ? ['-inhibit_map'] : []),
    ...(settings.initial_any_policy_inhibit ? ['-inhibit_any'] : []),
    write('leaf.pem', 'CERTIFICATE', files.leaf),
  ];
  return spawnSync('openssl', words, { timeout: 10_000 }).status === 0;
}

export async function pkiJsAccepts(one: PkitsCase, vectors: string): Promise<boolean> {
  const files = filesOf(one, vectors);
  const { settings } = one;
  try {
    const engine = new CertificateChainValidationEngine({
      trustedCerts: files.anchor.map((octets) => Certificate.fromBER(octets)),
      // its engine takes the last as the leaf
      certs: [...files.untrusted, ...files.leaf].map((octets) => Certificate.fromBER(octets)),
      crls: files.crls.map((octets) => CertificateRevocationList.fromBER(octets)),
      checkDate: AT,
    });
    const { result } = await engine.verify({
      initialPolicySet: settings.initial_policy_set_oids,
      initialExplicitPolicy: settings.initial_explicit_policy,
      initialPolicyMappingInhibit: settings.initial_policy_mapping_inhibit,
      initialInhibitPolicy: settings.initial_any_policy_inhibit,
    });
    return result;
  } catch {
    return false;
  }
}
