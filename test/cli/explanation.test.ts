/** What `explain` prints, word for word, and its facts with stable names. */
import assert from 'node:assert/strict';
import { explanationFacts } from '../../src/cli/explanation-facts.ts';
import { formatExplanation } from '../../src/cli/explanation-text.ts';
import { DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import { assessment, malformed, SIGNER, unusable, usable } from './assessments.ts';

const NO_IDENTITY = {
  ...SIGNER,
  signing: { kind: 'no', reason: 'no-identity' },
  certificate: null,
  validUntil: null,
  problem: 'there is no identity for anna@example.org',
} as const;

describe('formatExplanation', () => {
  it('says what was taken, what not, and what to do about it', () => {
    const text = formatExplanation(
      assessment({
        judged: [
          unusable('91aa04', 'folder certs/partners/old.pem', 'expired', 'expired 2026-11-03 (checked at 2026-11-24)'),
          usable('3f2c9a', 'folder certs/partners/bob.pem'),
          unusable(
            '77b0e1',
            'folder certs/partners/g2.pem',
            'no-path',
            'issuer "Partner Root G2" is in no collection',
            'Partner Root G2',
          ),
          usable('5d00aa', 'ldap ldaps://dc1:636 cn=Bob', 'worse-source'),
          malformed('folder certs/partners/x.pem', 'is no certificate'),
        ],
      }),
    );
    assert.equal(
      text,
      `anna@example.org -> bob@bank.example: signed and encrypted
  sign     if-possible  defaults (sealgate.yaml:19)
  encrypt  required     rules.to.bank.example (sealgate.yaml:22)
  signer   anna@example.org, Example Issuing CA, until 2027-03-03
           if From is anna@example.org and the client vouches for it
  taken    3f2c9a000000  bob@bank.example, from folder certs/partners/bob.pem, seen 2026-11-23
           path Bank Root > Bank CA 2, collection default, revocation: not checked
  not      91aa04000000  expired 2026-11-03 (checked at 2026-11-24), from folder certs/partners/old.pem
             to use it: ask its owner for the renewed one
           77b0e1000000  issuer "Partner Root G2" is in no collection, from folder certs/partners/g2.pem
             to use it: put the CA "Partner Root G2" into trust.default, or into a collection with only-for if you trust it for one partner
           5d00aa000000  usable, from a source further down the list, from ldap ldaps://dc1:636 cn=Bob
           -             no certificate: is no certificate, from folder certs/partners/x.pem
  profile  default: RSA PKCS #1 v1.5, or ECDH with AES-256 key wrap, SHA-256, AES-256-CBC`,
    );
  });

  it('says that the content key is bound to the cipher', () => {
    const profile = { ...DEFAULT_PROFILE, name: 'bound', contentDerivation: 'hkdf-sha256' } as const;
    const judged = [usable('3f2c9a', 'folder certs/partners/bob.pem')];
    const text = formatExplanation({ ...assessment({ judged }), profile });
    assert.match(text, /profile {2}bound: .*, AES-256-CBC with CEK-HKDF$/m);
  });

  it('names the collection that a rule chose, and the line that chose it', () => {
    const text = formatExplanation(
      assessment({
        trust: ['bank', 'default'],
        judged: [
          usable('3f2c9a', 'folder certs/partners/bob.pem'),
          unusable('77b0e1', 'folder certs/partners/g2.pem', 'no-path', 'no way', 'Partner Root G2'),
        ],
      }),
    );
    assert.match(text, /^ {2}trust {4}bank, default rules\.to\.bank\.example \(sealgate\.yaml:22\)$/m);
    assert.match(text, /collection default by rules\.to\.bank\.example \(sealgate\.yaml:22\), revocation/);
    assert.match(
      text,
      /put the CA "Partner Root G2" into trust\.bank or trust\.default, or let rules\.to\.bank\.example name another/,
    );
  });

  it('ends a refusal with what would make it go through', () => {
    assert.equal(
      formatExplanation(assessment({ signer: NO_IDENTITY })),
      `anna@example.org -> bob@bank.example: refused, 550 5.7.1 encryption is required and the recipient has no certificate
  sign     if-possible  defaults (sealgate.yaml:19)
  encrypt  required     rules.to.bank.example (sealgate.yaml:22)
  signer   none: there is no identity for anna@example.org
  none     every source answered, and none has a certificate
  to send it anyway: put a certificate of bob@bank.example into a source of directory
                 or: rules.to.bob@bank.example: { encrypt: if-possible, without-certificate: plain } sends it in clear`,
    );
  });

  it('shows the fallback that decided', () => {
    assert.equal(
      formatExplanation(
        assessment({
          encrypt: 'if-possible',
          judged: [unusable('91', 'folder a.pem', 'key-usage', 'keyUsage forbids it')],
        }),
      ),
      `anna@example.org -> bob@bank.example: refused, 550 5.7.1 the certificate of the recipient cannot be used for encryption
  sign     if-possible  defaults (sealgate.yaml:19)
  encrypt  if-possible  rules.to.bank.example (sealgate.yaml:22)
  unusable refuse       defaults (sealgate.yaml:19)
  signer   anna@example.org, Example Issuing CA, until 2027-03-03
           if From is anna@example.org and the client vouches for it
  not      910000000000  keyUsage forbids it, from folder a.pem
             to use it: ask its owner for one that allows encryption
  to send it anyway: make one of the certificates above usable
                 or: rules.to.bob@bank.example: { unusable: plain } sends it in clear`,
    );
    assert.equal(
      formatExplanation(assessment({ encrypt: 'if-possible', sign: 'never' })),
      `anna@example.org -> bob@bank.example: neither signed nor encrypted
  sign                never        defaults (sealgate.yaml:19)
  encrypt             if-possible  rules.to.bank.example (sealgate.yaml:22)
  without-certificate plain        built-in
  none     every source answered, and none has a certificate`,
    );
  });

  it('says of what is revoked that a new one is needed', () => {
    const judged = [unusable('91', 'folder a.pem', 'revoked', 'bob: revoked 2026-11-24 12:00 UTC')];
    assert.match(
      formatExplanation(assessment({ encrypt: 'required', judged })),
      /to use it: ask its owner for a new one/,
    );
  });

  it('says which source failed', () => {
    const failures = [{ source: 'ldap ldaps://dc1:636', reason: 'no answer within 10 s' }];
    const lines = formatExplanation(assessment({ encrypt: 'if-possible', failures })).split('\n');
    assert.match(lines[0] ?? '', /refused, 451 4\.4\.3 /);
    assert.ok(lines.includes('  failed   ldap ldaps://dc1:636: no answer within 10 s'));
    assert.match(lines.at(-1) ?? '', /to send it anyway: wait until the source that failed answers/);
  });

  it('says why there is no signature', () => {
    const first = (parts: Parameters<typeof assessment>[0]) => formatExplanation(assessment(parts)).split('\n')[0];
    const judged = [usable('3f', 'folder bob.pem')];
    assert.match(first({ judged, signer: NO_IDENTITY }) ?? '', /: encrypted, not signed$/);
    assert.match(
      first({ judged, signer: NO_IDENTITY, sign: 'required' }) ?? '',
      /: refused, 550 5\.7\.1 a signature is required/,
    );
    assert.match(first({ judged, content: 'signed' }) ?? '', /: encrypted, not signed$/);
    assert.match(first({ judged, content: 'encrypted' }) ?? '', /: refused, 550 5\.7\.1 .*already encrypted/);
    assert.match(first({ judged, from: null }) ?? '', /^<> -> bob@bank\.example: encrypted, not signed$/);
    assert.match(first({ encrypt: 'never' }) ?? '', /: signed, not encrypted$/);
    const required = formatExplanation(assessment({ judged, signer: NO_IDENTITY, sign: 'required' }));
    assert.match(
      required,
      /to send it anyway: put a certificate and key of anna@example\.org into identities\n {17}or: rules\.to\.bob@bank\.example: \{ sign: if-possible \}/,
    );
  });

  it('lets nobody write to the terminal through a certificate, a file name or a reason', () => {
    const hostile = '\u001b[2J\u202egpj.exe\nanna@example.org -> all: signed';
    const judged = [unusable('91', `folder ${hostile}`, 'no-path', `issuer ${hostile}`, hostile)];
    const text = formatExplanation(assessment({ judged, failures: [{ source: hostile, reason: hostile }] }));
    for (const line of text.split('\n')) assert.match(line, /^[ -~]*$/);
    assert.equal(text.split('\n').filter((line) => line.startsWith('anna@example.org -> ')).length, 1);
  });
});

describe('explanationFacts', () => {
  it('has stable names', () => {
    const judged = [
      usable('3f2c9a', 'folder bob.pem'),
      unusable('91aa04', 'folder old.pem', 'expired', 'expired 2026-11-03'),
    ];
    const facts = JSON.parse(JSON.stringify(explanationFacts(assessment({ judged })))) as Record<string, unknown>;
    assert.deepEqual(facts, {
      from: 'anna@example.org',
      to: 'bob@bank.example',
      route: 'outside',
      outcome: { kind: 'treat', sign: true, encrypt: true },
      summary: 'anna@example.org -> bob@bank.example: signed and encrypted',
      collectionOrigin: { path: 'built-in', file: null, line: null },
      why: { sign: 'identity', encrypt: 'certificate' },
      settings: {
        sign: { value: 'if-possible', path: 'defaults', file: 'sealgate.yaml', line: 19 },
        encrypt: { value: 'required', path: 'rules.to.bank.example', file: 'sealgate.yaml', line: 22 },
        'without-certificate': { value: 'plain', path: 'built-in', file: null, line: null },
        unusable: { value: 'refuse', path: 'defaults', file: 'sealgate.yaml', line: 19 },
        profile: { value: 'default', path: 'built-in', file: null, line: null },
        trust: { value: null, path: 'built-in', file: null, line: null },
      },
      signer: {
        kind: 'yes',
        address: 'anna@example.org',
        reason: null,
        problem: null,
        certificate: 'aa'.padEnd(64, '0'),
        validUntil: '2027-03-03T00:00:00.000Z',
        assumed: true,
      },
      content: 'none',
      certificate: 'usable',
      certificates: [
        {
          sha256: '3f2c9a'.padEnd(64, '0'),
          subject: 'CN=bob@bank.example',
          source: 'folder bob.pem',
          rank: 0,
          seenAt: '2026-11-23T08:00:00.000Z',
          taken: true,
          reason: null,
          code: null,
          collection: 'default',
          path: ['CN=bob@bank.example', 'CN=Bank CA 2', 'CN=Bank Root'],
          fetched: [],
          unfetched: [],
          validUntil: '2027-01-01T00:00:00.000Z',
        },
        {
          sha256: '91aa04'.padEnd(64, '0'),
          subject: 'CN=bob@bank.example',
          source: 'folder old.pem',
          rank: 0,
          seenAt: '2026-11-23T08:00:00.000Z',
          taken: false,
          reason: 'expired 2026-11-03',
          code: 'expired',
          collection: null,
          path: null,
          fetched: [],
          unfetched: [],
          validUntil: null,
        },
      ],
      failures: [],
      revocation: 'not checked',
    });
  });

  it('names the reply of a refusal', () => {
    const { outcome } = explanationFacts(assessment({}));
    assert.deepEqual(outcome, {
      kind: 'refuse',
      code: 'policy.no-certificate',
      reply: 550,
      enhanced: '5.7.1',
      text: 'encryption is required and the recipient has no certificate',
    });
  });
});
