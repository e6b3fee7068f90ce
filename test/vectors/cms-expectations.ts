/**
 * What the readers say of each CMS object of the vectors: by the strict rules, with every tolerance where that differs,
 * and why it is not opened or valid even then. A refusal without a reason, and a reason without a refusal, fail.
 */

export interface Expectation {
  readonly strict: string;
  /** With every flag of the policy; left out when it is the same. */
  readonly lenient?: string;
  /** Both, on a Node that has ML-KEM and ML-DSA. */
  readonly postQuantum?: string;
  readonly why?: string;
}

/** Folders of vectors with CMS objects. */
export const FOLDERS: readonly string[] = [
  'rfc4134',
  'lamps',
  'openssl-cms',
  'bouncycastle',
  'rustcrypto-cms',
  'asn1crypto',
  'vectors-pkcs7',
  'james',
  'm2crypto',
  'mimekit/UnitTests/TestData/smime',
];

export const EXPECTATIONS: Readonly<Record<string, Expectation>> = {
  'asn1crypto/tests/fixtures/cms-compressed.der': { strict: 'inflated 49' },
  'asn1crypto/tests/fixtures/cms-compressed.pem': { strict: 'inflated 49' },
  'asn1crypto/tests/fixtures/cms-digested.der': {
    strict: 'content type digestedData',
    why: 'DigestedData proves nothing and is not read',
  },
  'asn1crypto/tests/fixtures/cms-digested.pem': {
    strict: 'content type digestedData',
    why: 'DigestedData proves nothing and is not read',
  },
  'asn1crypto/tests/fixtures/cms-encrypted.der': {
    strict: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'asn1crypto/tests/fixtures/cms-encrypted.pem': {
    strict: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'asn1crypto/tests/fixtures/cms-enveloped.der': { strict: 'refused-by-policy', lenient: 'opened des-ede3-cbc 49' },
  'asn1crypto/tests/fixtures/cms-enveloped.pem': { strict: 'refused-by-policy', lenient: 'opened des-ede3-cbc 49' },
  'asn1crypto/tests/fixtures/cms-signed-digested.der': {
    strict: 'no-attributes',
    lenient: 'signature-mismatch',
    why: 'edited by hand: its readme says that the signature is invalid',
  },
  'asn1crypto/tests/fixtures/cms-signed-digested.pem': {
    strict: 'no-attributes',
    lenient: 'signature-mismatch',
    why: 'edited by hand: its readme says that the signature is invalid',
  },
  'asn1crypto/tests/fixtures/cms-signed-indefinite-length.der': {
    strict: 'malformed',
    lenient: 'digest-mismatch',
    why: 'the content was changed; OpenSSL says so too',
  },
  'asn1crypto/tests/fixtures/cms-signed.der': { strict: 'valid 50' },
  'asn1crypto/tests/fixtures/cms-signed.pem': { strict: 'valid 50' },
  'asn1crypto/tests/fixtures/meca2_compressed.der': { strict: 'malformed', lenient: 'inflated 51003' },
  'asn1crypto/tests/fixtures/mozilla-generated-by-openssl.pkcs7.der': {
    strict: 'content-missing',
    why: 'a detached signature without its content',
  },
  'asn1crypto/tests/fixtures/pkcs7-signed-digested.der': {
    strict: 'malformed',
    why: 'old PKCS #7: the content is no OCTET STRING',
  },
  'asn1crypto/tests/fixtures/pkcs7-signed-digested.pem': {
    strict: 'malformed',
    why: 'old PKCS #7: the content is no OCTET STRING',
  },
  'asn1crypto/tests/fixtures/pkcs7-signed.der': { strict: 'valid 49' },
  'asn1crypto/tests/fixtures/pkcs7-signed.pem': { strict: 'valid 49' },
  'asn1crypto/tests/fixtures/smime-signature-generated-by-thunderbird.p7s': {
    strict: 'content-missing',
    why: 'a detached signature without its content',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/basicAS2.message': {
    strict: 'weak-algorithm',
    lenient: 'valid 1300',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/brokenEnv.message': {
    strict: 'content-missing',
    why: 'a detached signature without its content',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/embeddedmulti.message': {
    strict: 'weak-algorithm',
    lenient: 'valid 800',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/multi-alternative.eml': {
    strict: 'weak-algorithm',
    lenient: 'valid 4333',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/openssl-signed-sha256-non-default-salt-length.eml':
    { strict: 'valid 112' },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/qp-soft-break.eml': {
    strict: 'weak-algorithm',
    lenient: 'valid 153',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/quotable.message': {
    strict: 'weak-algorithm',
    lenient: 'valid 244',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/rawAS2.message': {
    strict: 'weak-algorithm',
    lenient: 'valid 676',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/test128.message': {
    strict: 'cannot-decrypt',
    why: 'made with a key of another length; OpenSSL does not open it either',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/test192.message': {
    strict: 'opened aes-192-cbc 433',
  },
  'bouncycastle/mail/src/test/resources/org/bouncycastle/mail/smime/test/test256.message': {
    strict: 'cannot-decrypt',
    why: 'made with a key of another length; OpenSSL does not open it either',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA1.sig': {
    strict: 'weak-algorithm',
    lenient: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA1Enc.sig': {
    strict: 'weak-algorithm',
    lenient: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA256.sig': {
    strict: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA256Enc.sig': {
    strict: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA512.sig': {
    strict: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/PSSSignDataSHA512Enc.sig': {
    strict: 'no-certificate',
    why: "the signer's certificate is neither inside nor published",
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/SignedMSPkcs7.sig': {
    strict: 'malformed',
    why: 'Authenticode: the content is no OCTET STRING',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/bc1639test.p7m': { strict: 'valid 74827' },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/counterSig.p7m': {
    strict: 'weak-algorithm',
    lenient: 'valid 3',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess1.asc': {
    strict: 'refused-by-policy',
    lenient: 'opened des-ede3-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess2.asc': {
    strict: 'refused-by-policy',
    lenient: 'opened des-ede3-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess3.asc': {
    strict: 'opened aes-128-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess4.asc': {
    strict: 'opened aes-128-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess5.asc': {
    strict: 'opened aes-192-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess6.asc': {
    strict: 'opened aes-192-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess7.asc': {
    strict: 'opened aes-256-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSess8.asc': {
    strict: 'opened aes-256-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessA.asc': {
    strict: 'refused-by-policy',
    lenient: 'opened des-ede3-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessB.asc': {
    strict: 'refused-by-policy',
    lenient: 'opened des-ede3-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessC.asc': {
    strict: 'opened aes-128-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessD.asc': {
    strict: 'opened aes-128-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessE.asc': {
    strict: 'opened aes-192-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessF.asc': {
    strict: 'opened aes-192-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessG.asc': {
    strict: 'opened aes-256-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/ecdh/encSessH.asc': {
    strict: 'opened aes-256-cbc 38',
  },
  'bouncycastle/pkix/src/test/resources/org/bouncycastle/cms/test/rawsha256nonull.p7m': {
    strict: 'no-attributes',
    lenient: 'signature-mismatch',
    why: 'DigestInfo without NULL: the block is compared as a whole',
  },
  'james/server/mailet/integration-testing/src/main/resources/eml/bad_crypted.eml': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'its key stands in an old PKCS #12 file',
  },
  'james/server/mailet/integration-testing/src/main/resources/eml/crypted.eml': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'its key stands in an old PKCS #12 file',
  },
  'james/server/mailet/integration-testing/src/main/resources/eml/crypted_with_attachment.eml': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'its key stands in an old PKCS #12 file',
  },
  'james/server/mailet/integration-testing/src/main/resources/eml/mail_with_bad_signature.eml': {
    strict: 'weak-algorithm',
    lenient: 'digest-mismatch',
    why: 'made to be refused: the content was changed',
  },
  'james/server/mailet/integration-testing/src/main/resources/smime-test-resource-set/mail-with-signature-and-multi-certs.eml':
    { strict: 'valid 176' },
  'james/server/mailet/integration-testing/src/main/resources/smime-test-resource-set/mail_with_signature.eml': {
    strict: 'valid 204',
  },
  'james/server/mailet/integration-testing/src/main/resources/smime-test-resource-set/mail_with_signature_and_content_type_xpkcs7mime.eml':
    { strict: 'valid 204' },
  'lamps/cms-kyber/example/ML-KEM-512.cms': {
    strict: 'not-for-me',
    postQuantum: 'opened aes-128-gcm 13',
    why: 'this Node has no ML-KEM',
  },
  'lamps/cms-ml-dsa/examples/mldsa44-signed-attrs.pem': {
    strict: 'unsupported',
    postQuantum: 'valid 52',
    why: 'this Node has no ML-DSA',
  },
  'lamps/cms-ml-dsa/examples/mldsa65-signed-attrs.pem': {
    strict: 'unsupported',
    postQuantum: 'valid 52',
    why: 'this Node has no ML-DSA',
  },
  'lamps/cms-ml-dsa/examples/mldsa87-signed-attrs.pem': {
    strict: 'unsupported',
    postQuantum: 'valid 52',
    why: 'this Node has no ML-DSA',
  },
  'm2crypto/sample-p7.pem': { strict: 'weak-key', lenient: 'valid 1587' },
  'mimekit/UnitTests/TestData/smime/octet-stream-with-mixed-line-endings.dat': {
    strict: 'weak-algorithm',
    lenient: 'valid 85',
  },
  'mimekit/UnitTests/TestData/smime/thunderbird-signed.txt': { strict: 'weak-algorithm', lenient: 'valid 210095' },
  'openssl-cms/recipes/80-test_cms_data/bad_signtime_attr.cms': { strict: 'valid 83' },
  'openssl-cms/recipes/80-test_cms_data/ciphertext_from_1_1_1.cms': {
    strict: 'refused-by-policy',
    lenient: 'opened des-ede3-cbc 83',
  },
  'openssl-cms/recipes/80-test_cms_data/ct_multiple_attr.cms': {
    strict: 'duplicate-attribute',
    why: 'made to be refused: contentType twice',
  },
  'openssl-cms/recipes/80-test_cms_data/dh-malformed.der': {
    strict: 'not-for-me',
    why: 'made to be refused: Diffie-Hellman key agreement, which is not read',
  },
  'openssl-cms/recipes/80-test_cms_data/ecdh-malformed.der': {
    strict: 'malformed',
    why: 'made to be refused: key agreement without its key wrap',
  },
  'openssl-cms/recipes/80-test_cms_data/no_ct_attr.cms': {
    strict: 'content-type-mismatch',
    why: 'made to be refused: no contentType attribute',
  },
  'openssl-cms/recipes/80-test_cms_data/no_md_attr.cms': {
    strict: 'no-message-digest',
    why: 'made to be refused: no messageDigest attribute',
  },
  'openssl-cms/recipes/80-test_cms_data/pkcs7-md4.pem': { strict: 'unsupported', why: 'MD4' },
  'openssl-cms/recipes/80-test_cms_data/rsa-malformed.der': {
    strict: 'unsupported: label source 1.2.840.113549.1.1.9 of RSAES-OAEP',
    why: 'made to be refused: RSAES-OAEP with a broken label source',
  },
  'openssl-cms/recipes/80-test_cmsapi_data/encDataWithTooLongIV.pem': {
    strict: 'malformed',
    why: 'made to be refused: IV of too many octets',
  },
  'openssl-cms/recipes/80-test_cmsapi_data/encryptedData.der': {
    strict: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'rfc4134/4.1.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.10.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.11.bin': { strict: 'unsigned, 2 certificates' },
  'rfc4134/4.2.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.3.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.4.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.5.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.6.bin': { strict: 'weak-algorithm weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.7.bin': { strict: 'weak-algorithm', lenient: 'valid 28' },
  'rfc4134/4.8.eml': { strict: 'weak-algorithm', lenient: 'valid 30' },
  'rfc4134/4.9.eml': { strict: 'weak-algorithm', lenient: 'valid 30' },
  'rfc4134/5.1.bin': { strict: 'refused-by-policy', lenient: 'opened des-ede3-cbc 28' },
  'rfc4134/5.2.bin': { strict: 'refused-by-policy', lenient: 'opened rc2-cbc 28' },
  'rfc4134/5.3.eml': { strict: 'refused-by-policy', lenient: 'opened des-ede3-cbc 28' },
  'rfc4134/6.0.bin': { strict: 'content type digestedData', why: 'DigestedData proves nothing and is not read' },
  'rfc4134/7.1.bin': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'rfc4134/7.2.bin': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/1.3.6.1.4.1.22554.5.6.1_ML-KEM-512-ipd_kemri_auth.der': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/1.3.6.1.4.1.22554.5.6.1_ML-KEM-512-ipd_kemri_id-alg-hkdf-with-sha256.der': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/1.3.6.1.4.1.22554.5.6.1_ML-KEM-512-ipd_kemri_ukm.der': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/apple_mdm_signature_der.bin': {
    strict: 'malformed',
    why: 'old PKCS #7: the content is no OCTET STRING',
  },
  'rustcrypto-cms/cms/tests/examples/cms_ber.bin': { strict: 'valid 10034' },
  'rustcrypto-cms/cms/tests/examples/cms_der.bin': { strict: 'valid 10034' },
  'rustcrypto-cms/cms/tests/examples/compressed_data.bin': { strict: 'inflated 446' },
  'rustcrypto-cms/cms/tests/examples/digested_data.bin': {
    strict: 'content type digestedData',
    why: 'DigestedData proves nothing and is not read',
  },
  'rustcrypto-cms/cms/tests/examples/encrypted_data.bin': {
    strict: 'not-for-me',
    why: 'EncryptedData whose key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/enveloped_data_kari.bin': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/enveloped_data_kekri.bin': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/enveloped_data_ktri.bin': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/enveloped_data_multi.bin': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/enveloped_data_pwri.bin': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/keyEncryptedData.bin': {
    strict: 'unsupported: content cipher 1.2.840.113549.1.12.1.6',
    why: 'a PKCS #12 password scheme, not CMS',
  },
  'rustcrypto-cms/cms/tests/examples/kms_ciphertext_for_recipient_1.ber': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/kms_ciphertext_for_recipient_2.ber': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/kms_ciphertext_for_recipient_3.ber': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/kms_ciphertext_for_recipient_4.ber': {
    strict: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'rustcrypto-cms/cms/tests/examples/pkits.p7b': { strict: 'unsigned, 2 certificates' },
  'rustcrypto-cms/cms/tests/examples/pkits_ee.p7b': { strict: 'unsigned, 1 certificates' },
  'rustcrypto-cms/cms/tests/examples/scep_der.bin': { strict: 'valid 1060' },
  'rustcrypto-cms/cms/tests/examples/sd.cms': { strict: 'valid 447' },
  'vectors-pkcs7/amazon-roots.der': { strict: 'unsigned, 2 certificates' },
  'vectors-pkcs7/amazon-roots.p7b': { strict: 'unsigned, 2 certificates' },
  'vectors-pkcs7/enveloped.pem': {
    strict: 'refused-by-policy',
    lenient: 'not-for-me',
    why: 'parsed; the key is not published',
  },
  'vectors-pkcs7/isrg.pem': { strict: 'unsigned, 1 certificates' },
};
