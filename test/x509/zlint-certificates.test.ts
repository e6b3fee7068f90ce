/** The S/MIME certificates of zlint, right and wrong ones by the baseline requirements: all of them are read. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import { policyFacts } from '../../src/x509/policy-extensions.ts';
import { subjectNames } from '../../src/x509/subject-name.ts';
import { vectorsFolder } from '../support/vectors.ts';

describe('zlint S/MIME certificates', () => {
  it('all parse, with their names and policies', function () {
    const folder = path.join(vectorsFolder(this), 'zlint-smime');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.pem$/.test(name));
    const problems: string[] = [];
    for (const file of files) {
      const text = readFileSync(path.join(folder, file), 'latin1');
      const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(text) ?? [];
      try {
        const certificate = parseCertificate(Buffer.from(base64, 'base64'));
        subjectNames(certificate);
        policyFacts(certificate);
      } catch (thrown) {
        problems.push(`${file}: ${String(thrown)}`);
      }
    }
    assert.deepEqual(problems, []);
    assert.ok(files.length > 100, String(files.length));
  });
});
