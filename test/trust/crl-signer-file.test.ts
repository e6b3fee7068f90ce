/** CRL signers that are no authority: an indirect CRL counts with them and not without, and they vouch for nobody. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { der, derContext, derSequence } from '../../src/asn1/der-writer.ts';
import { readCrlSigners } from '../../src/trust/crl-signer-file.ts';
import { type MadeCertificate, makeAuthority, makeCertificate, makeExtension } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const INDIRECT = derSequence(der(0x84, Buffer.of(0xff)));
const WITHIN_A_WEEK = new Date(Date.now() + 7 * 86_400_000);

/** cRLDistributionPoints that names only who issues the list (RFC 5280 §4.2.1.13). */
function crlIssuer({ certificate }: MadeCertificate) {
  const names = derContext(2, der(0xa4, certificate.subject));
  return { oid: '2.5.29.31', critical: false, value: derSequence(derSequence(names)) };
}

describe('CRL signers', () => {
  let house: RevocationHouse;
  /** Issues the people; the root issues it and the signer, and says by a list of its own that both are good. */
  let office: MadeCertificate;
  beforeEach(async () => {
    house = await RevocationHouse.open({ fetch: false });
    office = makeAuthority({ name: 'Office CA', issuer: house.root, freshKey: true });
    write('root.pem', house.root.pem + office.pem);
    write('root.crl', makeCrl(house.root));
  });
  afterEach(() => house.close());

  const write = (name: string, octets: Buffer | string): string => {
    const file = path.join(house.folder, name);
    writeFileSync(file, octets);
    return file;
  };
  const signerOf = (issuer: MadeCertificate, notAfter?: Date): MadeCertificate =>
    makeCertificate(issuer, {
      name: 'List Office',
      key: 'p-256',
      freshKey: true,
      keyUsage: ['cRLSign'],
      extendedKeyUsage: null,
      ...(notAfter === undefined ? {} : { notAfter }),
    });
  const person = (signer: MadeCertificate): MadeCertificate =>
    makeCertificate(office, {
      key: 'p-256',
      freshKey: true,
      emails: ['bob@bank.example'],
      extraExtensions: [crlIssuer(signer)],
    });
  /** Files of the root's list and of an indirect one by that signer, in which these people are revoked. */
  const listsBy = (signer: MadeCertificate, ...revoked: MadeCertificate[]): string[] => {
    return [path.join(house.folder, 'root.crl'), write('list.crl', listBy(signer, revoked))];
  };
  const listBy = (signer: MadeCertificate, revoked: readonly MadeCertificate[]): Buffer => {
    const issuer = derSequence(der(0xa4, office.certificate.subject));
    const extensions = [makeExtension('2.5.29.29', true, issuer)];
    return makeCrl(signer, {
      scope: INDIRECT,
      entries: revoked.map(({ certificate }) => ({ certificate, reason: 1, extensions })),
    });
  };

  it('an indirect CRL counts with its signer, and not without', async () => {
    const signer = signerOf(house.root);
    const [eve, anna] = [person(signer), person(signer)];
    const crls = listsBy(signer, eve);
    const without = await house.trust({ crls });
    assert.match(saidOf(without.judge(questionOf(eve))), /^revocation-unknown/);
    const trust = await house.trust({ crls, signers: [write('signer.pem', signer.pem)] });
    assert.match(saidOf(trust.judge(questionOf(eve))), /^revoked: .*keyCompromise/);
    assert.match(saidOf(trust.judge(questionOf(anna))), /^not revoked/);
  });

  it('a signer below another anchor says nothing (RFC 5280 §6.3.3 (f)), and vouches for nobody', async () => {
    const stranger = makeAuthority({ name: 'Stranger' });
    const signer = signerOf(stranger);
    const eve = person(signer);
    const crls = listsBy(signer, eve);
    const trust = await house.trust({ crls, signers: [write('signer.pem', signer.pem)] });
    assert.match(saidOf(trust.judge(questionOf(eve))), /^revocation-unknown/);
    const issued = makeCertificate(signer, { key: 'p-256', emails: ['bob@bank.example'] });
    assert.match(saidOf(trust.judge(questionOf(issued))), /^no-path|^not-a-ca/);
    assert.deepEqual(
      trust.collections.map(({ anchors, intermediates }) => [anchors, intermediates]),
      [[1, 1]],
    );
  });

  it('reads files and folders, and refuses by name what cannot be a signer', async () => {
    const good = write('good.pem', signerOf(house.root).pem + signerOf(house.root, WITHIN_A_WEEK).pem);
    const fine = await readCrlSigners([good], new Date());
    assert.deepEqual([fine.certificates.length, fine.mistakes, fine.warnings.length], [2, [], 1]);
    const bad = write(
      'bad.pem',
      house.bob.pem + signerOf(house.root).pem.replace(/\n.{8}/, '\nAAAAAAAA') + signerOf(house.root).pem,
    );
    const late = await readCrlSigners([bad, path.join(house.folder, 'none')], new Date('2999-01-01'));
    const text = late.mistakes.join('\n');
    assert.match(text, /bad\.pem: CN=.* may not sign CRLs \(key usage\)/);
    assert.match(text, /bad\.pem: CN=List Office expired \d{4}/);
    assert.match(text, /none cannot be read/);
    assert.equal(late.mistakes.length, 4);
    await assert.rejects(house.trust({ signers: [bad] }), /may not sign CRLs/);
  });
});
