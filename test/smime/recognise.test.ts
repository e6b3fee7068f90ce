/** The look at the root Content-Type: careful where it may be encrypted, honest where it is in doubt. */
import assert from 'node:assert/strict';
import { parseHeaderBlock } from '../../src/mime/header-block.ts';
import { type Protection, recogniseProtection } from '../../src/smime/recognise.ts';

const CASES: readonly (readonly [string, Protection])[] = [
  ['Subject: encrypted\r\n', 'none'],
  ['Content-Type: text/plain\r\n', 'none'],
  ['Content-Type: multipart/mixed; boundary=a\r\n', 'none'],
  ['Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=a\r\n', 'signed'],
  ['Content-Type: multipart/signed; protocol="application/X-PKCS7-signature"; boundary=a\r\n', 'signed'],
  ['Content-Type: Multipart/Signed; protocol=application/pgp-signature; boundary=a\r\n', 'signed'],
  ['Content-Type: multipart/signed; protocol="application/other"; boundary=a\r\n', 'none'],
  ['Content-Type: multipart/signed; boundary=a\r\n', 'ambiguous'],
  ['Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=a\r\n', 'encrypted'],
  ['Content-Type: multipart/encrypted\r\n', 'encrypted'],
  ['Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n', 'signed'],
  ['Content-Type: application/pkcs7-mime; smime-type=SIGNED-DATA\r\n', 'signed'],
  ['Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n', 'encrypted'],
  ['Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data\r\n', 'encrypted'],
  ['Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c\r\n', 'none'],
  ['Content-Type: application/pkcs7-mime; smime-type=compressed-data\r\n', 'none'],
  ['Content-Type: application/pkcs7-mime; smime-type=novel-data\r\n', 'encrypted'],
  ['Content-Type: application/pkcs7-mime\r\n', 'encrypted'],
  ['Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n', 'encrypted'],
  ['Content-Type: application/octet-stream; name="SMIME.P7M"\r\n', 'encrypted'],
  ['Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=smime.p7m\r\n', 'encrypted'],
  ["Content-Type: application/octet-stream; name*=us-ascii''smime%2ep7%6D\r\n", 'encrypted'],
  ['Content-Type: application/octet-stream; name=smime.p7s\r\n', 'none'],
  ['Content-Type: text/plain; name=smime.p7m\r\n', 'none'],
];

/** M3 */
const DOUBTFUL: readonly string[] = [
  'Content-Type: text/plain\r\nContent-Type: application/pkcs7-mime\r\n',
  'Content-Type: text/plain\r\nContent-type : text/plain\r\n',
  'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; smime-type=signed-data\r\n',
  'Content-Type: multipart/signed; protocol="application/pgp-signature"; protocol="x/y"; boundary=a\r\n',
  'Content-Type: application/pkcs7-mime (x); smime-type=signed-data\r\n',
  'Content-Type: multipart/encrypted boundary=a\r\n',
];

describe('recognise protection', () => {
  for (const [header, expected] of CASES) {
    it(`${JSON.stringify(header)} is ${expected}`, () => {
      assert.equal(recogniseProtection(parseHeaderBlock(Buffer.from(header))), expected);
    });
  }
  for (const header of DOUBTFUL) {
    it(`M3 ${JSON.stringify(header)} is ambiguous`, () => {
      assert.equal(recogniseProtection(parseHeaderBlock(Buffer.from(header))), 'ambiguous');
    });
  }
});
