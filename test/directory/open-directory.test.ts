import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Candidate, SourceStatus } from '../../src/directory/directory.ts';
import { MergedDirectory, openDirectory } from '../../src/directory/open-directory.ts';
import { coversDomain, type Source, type SourceAnswer } from '../../src/directory/source.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { address, directoryOptions, folderSource, ldapSource, stateOf, Workshop } from './directories.ts';

const BOB = 'bob@bank.example';

function fake(
  name: string,
  answer: () => SourceAnswer | Promise<SourceAnswer>,
  domains: string[] | null = null,
): Source {
  const status: SourceStatus = { source: name, entries: null, lastFailure: null, lastFailureAt: null };
  return { name, domains, find: answer, status: () => status, close: async () => undefined };
}

function candidate(rank: number, certificate: Candidate['certificate'] = null): Candidate {
  return {
    certificate,
    problem: certificate === null ? 'x' : null,
    companions: [],
    source: `s${rank}`,
    rank,
    seenAt: new Date(0),
  };
}

describe('directory: all sources as one', () => {
  const workshop = new Workshop();
  afterEach(() => workshop.clear());
  const made = makeCertificate(makeAuthority(), { emails: [BOB], key: 'p-256' }).certificate;

  const ANSWERS: Record<string, () => SourceAnswer | Promise<SourceAnswer>> = {
    certificate: () => ({ ok: true, candidates: [candidate(0, made)] }),
    malformed: async () => ({ ok: true, candidates: [candidate(0)] }),
    none: async () => ({ ok: true, candidates: [] }),
    failure: async () => ({ ok: false, reason: 'down' }),
    defect: () => Promise.reject(new Error('never')),
    thrown: () => {
      throw new Error('never');
    },
  };
  // C28: no combination with a failure or anything published reads as "none"
  const says = (a: string): string => (a === 'defect' || a === 'thrown' ? 'failure' : a);
  for (const first of Object.keys(ANSWERS)) {
    for (const second of Object.keys(ANSWERS)) {
      it(`C28: ${first} and ${second}`, async () => {
        const sources = [first, second].map((kind, i) => fake(`s${i}`, ANSWERS[kind] ?? assert.fail()));
        const answer = await new MergedDirectory(sources).find(address(BOB));
        const parts = [says(first), says(second)];
        const published = parts.filter((p) => p === 'certificate' || p === 'malformed');
        const expected = [...published, ...(parts.includes('failure') ? ['failure'] : [])].join('+') || 'none';
        assert.equal(stateOf(answer), expected);
      });
    }
  }

  it('keeps the order of the configuration, whoever answers first', async () => {
    const slow = fake('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { ok: true, candidates: [candidate(0)] };
    });
    const fast = fake('fast', () => ({ ok: true, candidates: [candidate(1)] }));
    const { candidates } = await new MergedDirectory([slow, fast]).find(address(BOB));
    assert.deepEqual(
      candidates.map(({ rank }) => rank),
      [0, 1],
    );
  });

  it('asks a source about its own domains only; "none" where no source may speak', async () => {
    const asked: string[] = [];
    const source = (name: string, domains: string[] | null): Source =>
      fake(
        name,
        () => {
          asked.push(name);
          return { ok: false, reason: 'down' };
        },
        domains,
      );
    const directory = new MergedDirectory([
      source('exact', ['bank.example']),
      source('below', ['*.bank.example']),
      source('other', ['other.example']),
    ]);
    assert.equal(stateOf(await directory.find(address(BOB))), 'failure');
    assert.deepEqual(asked.splice(0), ['exact']);
    await directory.find(address('bob@mail.bank.example'));
    assert.deepEqual(asked.splice(0), ['below']);
    assert.equal(stateOf(await directory.find(address('bob@nobody.example'))), 'none');
    assert.deepEqual(asked, []);
  });

  it('compares domains whole', () => {
    assert.equal(coversDomain(['bank.example'], 'evilbank.example'), false);
    assert.equal(coversDomain(['*.bank.example'], 'evilbank.example'), false);
    assert.equal(coversDomain(['*.bank.example'], 'bank.example'), false);
    assert.equal(coversDomain(['*'], 'bank.example'), true);
    assert.equal(coversDomain([], 'bank.example'), false);
    assert.equal(coversDomain(null, 'bank.example'), true);
  });

  it('opens with a server that is down, and says at the look-up that it failed', async () => {
    const folder = workshop.folder();
    writeFileSync(path.join(folder, 'bob.der'), made.der);
    // port 1 of the loopback: nothing listens there
    const directory = await workshop.open(directoryOptions(folderSource(folder), ldapSource('ldap://127.0.0.1:1')));
    const answer = await directory.find(address(BOB));
    assert.equal(stateOf(answer), 'certificate+failure');
    assert.equal(answer.failures[0]?.source, 'ldap test server');
    assert.match(answer.failures[0]?.reason ?? '', /ECONNREFUSED/);
    assert.match(directory.status()[1]?.lastFailure?.reason ?? '', /ECONNREFUSED/);
  });

  it('names every mistake at once', async () => {
    const result = await openDirectory(
      directoryOptions(
        folderSource('/nowhere/at/all'),
        ldapSource('http://x'),
        ldapSource('ldaps://x', { bind: { dn: 'cn=x', password: '' } }),
        ldapSource('ldaps://x', { ca: Buffer.from('no PEM') }),
      ),
    );
    assert.ok(!result.ok);
    const expected = [/ENOENT/, /not an ldap/, /empty password/, /no PEM certificate/];
    assert.equal(result.mistakes.length, expected.length);
    for (const [i, pattern] of expected.entries()) assert.match(result.mistakes[i] ?? '', pattern);
  });

  it('warns of LDAP without TLS', async () => {
    const result = await openDirectory(directoryOptions(ldapSource('ldap://x'), ldapSource('ldaps://x')));
    assert.ok(result.ok);
    workshop.later(() => result.directory.close());
    assert.equal(result.warnings.length, 1);
    assert.match(result.warnings[0] ?? '', /no TLS/);
  });
});
