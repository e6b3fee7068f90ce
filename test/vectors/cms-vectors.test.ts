/**
 * Every CMS object of the other projects' vectors, parsed and opened or refused as the table says (RFC 4134, RFC 9936,
 * RFC 9882, and the test data of OpenSSL, Bouncy Castle and others). The table is complete both ways: an object that is
 * not listed fails, and so does a line whose object behaves better or worse than it says.
 */
import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { recogniseContent } from '../../src/cms/content-info-reader.ts';
import { encryptContentKey } from '../../src/cms/recipient-info.ts';
import { bufferSource, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import type { Unwrapper } from '../../src/cms/unwrapper.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { envelope } from '../support/cms-builder.ts';
import { filesBelow, readCmsObject, readKeysAndCertificates } from '../support/cms-objects.ts';
import { EVERY_TOLERANCE, outcomeOf } from '../support/cms-outcome.ts';
import { vectorsFolder } from '../support/vectors.ts';
import { EXPECTATIONS, type Expectation, FOLDERS } from './cms-expectations.ts';

/** Detached content that stands in a file of its own. */
const CONTENT_FILES: readonly (readonly [RegExp, string])[] = [
  [/^rfc4134\/4\.3\.bin$/, 'rfc4134/ExContent.bin'],
  [/PSSSignDataSHA\d+\.sig$/, 'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignData.data'],
];

/** In pieces that cut every header somewhere. */
function piecewise(octets: Buffer, size: number): ReopenableSource {
  return {
    async *open(): AsyncGenerator<Buffer, void, undefined> {
      for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
    },
  };
}

describe('CMS objects of other projects', function () {
  this.timeout(60_000);
  let root = '';
  before(function () {
    root = vectorsFolder(this);
  });

  for (const folder of FOLDERS) {
    it(`${folder}: each is opened or refused as expected`, async () => {
      const surroundings = surroundingsOf(path.join(root, folder));
      const seen: string[] = [];
      for (const file of filesBelow(path.join(root, folder))) {
        const name = path.relative(root, file);
        const found = findObject(file);
        if (found === null || !(await isCmsObject(found.octets))) continue;
        seen.push(name);
        const content = contentOf(root, name) ?? (found.content === null ? null : bufferSource(found.content));
        const read = (source: ReopenableSource, lenient: boolean): Promise<string> =>
          outcomeOf(source, content, lenient ? { ...surroundings, policy: EVERY_TOLERANCE } : surroundings);
        const strict = await read(bufferSource(found.octets), false);
        const lenient = await read(bufferSource(found.octets), true);
        const expected = expectationOf(name);
        assert.ok(expected, `${name} is not in the table: ${strict} / ${lenient}`);
        assert.deepEqual([strict, lenient], [expected.strict, expected.lenient ?? expected.strict], name);
        for (const size of found.octets.length < 20_000 ? [1, 7, 1000] : [1000]) {
          assert.equal(await read(piecewise(found.octets, size), true), lenient, `${name} in pieces of ${size}`);
        }
      }
      const listed = Object.keys(EXPECTATIONS).filter((name) => name.startsWith(`${folder}/`));
      assert.deepEqual(seen.sort(), listed.sort(), 'the table lists what is not there');
    });
  }

  it('rfc9216: each identity opens what is encrypted to its certificate', async () => {
    const { keys } = readKeysAndCertificates(path.join(root, 'rfc9216'));
    const contentKey = Buffer.alloc(32, 3);
    let opened = 0;
    for (const held of keys) {
      const usage = held.certificate.keyUsage;
      if (usage?.has('keyEncipherment') !== true && usage?.has('keyAgreement') !== true) continue;
      const info = encryptContentKey(held.certificate, contentKey, systemEntropy);
      const octets = envelope({ recipientInfos: [info], contentKey, content: contentKey, cipher: 'aes-256-gcm' });
      const surroundings = { unwrapper: new KeyUnwrapper([held]), certificates: [] };
      assert.equal(await outcomeOf(bufferSource(octets), null, surroundings), 'opened aes-256-gcm 32');
      opened++;
    }
    assert.equal(opened, 4);
  });

  it('no line without a reason stands for a refusal', () => {
    for (const [name, { strict, lenient, why }] of Object.entries(EXPECTATIONS)) {
      const best = lenient ?? strict;
      const good = /^(valid|opened|inflated|unsigned, \d)/.test(best);
      assert.equal(why === undefined, good, `${name}: ${best}`);
    }
  });
});

function surroundingsOf(folder: string): {
  unwrapper: Unwrapper;
  certificates: ReturnType<typeof readKeysAndCertificates>['certificates'];
} {
  const { keys, certificates } = readKeysAndCertificates(folder);
  return { unwrapper: new KeyUnwrapper(keys, certificates), certificates };
}

/** Post-quantum objects need a Node that knows them. */
function expectationOf(name: string): Expectation | undefined {
  const expected = EXPECTATIONS[name];
  const hasKem = 'decapsulate' in crypto;
  return expected?.postQuantum === undefined || !hasKem ? expected : { strict: expected.postQuantum };
}

function findObject(file: string): ReturnType<typeof readCmsObject> | null {
  try {
    return readCmsObject(file);
  } catch {
    return null;
  }
}

/** Certificates, requests and keys begin like a CMS object, but not with a content type. */
async function isCmsObject(octets: Buffer): Promise<boolean> {
  const recognised = await recogniseContent(bufferSource(octets));
  return recognised.ok && recognised.type !== null && recognised.type !== 'data';
}

function contentOf(root: string, name: string): ReopenableSource | null {
  const beside = CONTENT_FILES.find(([pattern]) => pattern.test(name));
  return beside === undefined ? null : bufferSource(readFileSync(path.join(root, beside[1])));
}
