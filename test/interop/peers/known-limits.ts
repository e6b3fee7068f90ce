/**
 * What the peers of the interop matrix cannot, by their own words. A refusal that is not listed here fails the matrix, and so
 * does a cell that is listed and ok: then the peer has learned it.
 *
 * `any` stands for releases of a peer that differ: with it a cell may also be ok.
 */
export interface Refusal {
  readonly row: string;
  readonly peer: string;
  readonly direction: string;
}

interface Limit {
  readonly peer: string;
  readonly rows: RegExp;
  readonly direction?: 'reads ours' | 'we read';
  readonly words: RegExp;
  readonly any?: true;
}

/** Words of a peer for which there is no function or option at all. */
const ABSENT = /^no function|has no option to/;
const LATTICE = /^(ML|SLH)-/;
const BOUND = /^CEK-HKDF/;

const LIMITS: readonly Limit[] = [
  {
    peer: 'OpenSSL',
    rows: /^Ed(25519|448)/,
    words: /invalid digest|no default digest|unknown digest algorithm/,
    any: true,
  },
  { peer: 'OpenSSL', rows: /^ChaCha20/, words: /unknown cipher|unsupported content encryption/ },
  { peer: 'OpenSSL', rows: /^X(25519|448)/, words: /no matching recipient|operation not supported/ },
  { peer: 'OpenSSL', rows: BOUND, words: /unknown cipher|has no option to/, any: true },
  { peer: 'OpenSSL', rows: /^Compressed/, words: /unsupported compression algorithm/, any: true },
  { peer: 'OpenSSL', rows: LATTICE, words: /decode error|load_result:unsupported/, any: true },

  { peer: 'gpgsm', rows: /^RSASSA-PSS|^RSAES-OAEP|^Compressed/, words: ABSENT, any: true },
  { peer: 'gpgsm', rows: /^EC/, direction: 'we read', words: /^import:|Wrong key usage/, any: true },
  { peer: 'gpgsm', rows: /^ECDH/, direction: 'reads ours', words: /^import:/, any: true },
  {
    peer: 'gpgsm',
    rows: /P-521|^Ed(25519|448)/,
    words: /requires the hash length|^import: data error|unknown hash algorithm/,
    any: true,
  },
  { peer: 'gpgsm', rows: /GCM/, words: /getting IV|cipher algorithm is invalid/, any: true },
  { peer: 'gpgsm', rows: /^ChaCha20/, words: /unsupported algorithm|cipher algorithm is invalid/ },
  {
    peer: 'gpgsm',
    rows: /^RSAES-OAEP/,
    direction: 'reads ours',
    words: /error getting encrypted session key/,
    any: true,
  },
  { peer: 'gpgsm', rows: /^X(25519|448)/, words: /^import:|Wrong key usage/, any: true },
  { peer: 'gpgsm', rows: LATTICE, words: /no signature value|^import:|cipher algorithm is invalid/ },

  { peer: 'gpgsm', rows: BOUND, words: /unsupported algorithm|has no option to/, any: true },

  { peer: 'NSS', rows: BOUND, words: /INVALID_ALGORITHM|UNRECOGNIZED_OID|has no option to/, any: true },
  { peer: 'NSS', rows: /^RSASSA-PSS|^RSAES-OAEP|^Compressed/, words: ABSENT, any: true },
  { peer: 'NSS', rows: /brainpool/, words: /BadSignature|SEC_ERROR_INVALID_KEY/ },
  { peer: 'NSS', rows: /^Ed(25519|448)/, words: /ProcessingError|UNABLE_TO_IMPORT_KEY/, any: true },
  { peer: 'NSS', rows: /^AES|^ChaCha20/, direction: 'we read', words: /encrypts with aes-128-cbc only/, any: true },
  { peer: 'NSS', rows: /GCM|^ChaCha20/, direction: 'reads ours', words: /UNRECOGNIZED_OID/, any: true },
  { peer: 'NSS', rows: /^RSAES-OAEP/, direction: 'reads ours', words: /UNSUPPORTED_KEYALG/, any: true },
  { peer: 'NSS', rows: /^ECDH/, words: /SEC_ERROR_BAD_DER|SEC_ERROR_INVALID_ALGORITHM/, any: true },
  { peer: 'NSS', rows: /^X(25519|448)/, words: /UNABLE_TO_IMPORT_KEY/, any: true },
  { peer: 'NSS', rows: LATTICE, words: /ProcessingError|^import:/, any: true },

  {
    peer: 'PKI.js',
    rows: /brainpool/,
    words: /Unsupported algorithm identifier|Unrecognized namedCurve|Incorrect curve OID/,
  },
  {
    peer: 'PKI.js',
    rows: /^Ed(25519|448)|^(ML|SLH)-DSA/,
    words: /Unsupported signature algorithm|'algorithm' is empty|Unrecognized algorithm name/,
  },
  { peer: 'PKI.js', rows: /CBC/, words: /Unrecognized algorithm name|has no option to/ },
  { peer: 'PKI.js', rows: /GCM|^ChaCha20/, words: /no class for content type|has no option to/ },
  { peer: 'PKI.js', rows: /^ECDH/, direction: 'reads ours', words: /operation-specific reason/ },
  {
    peer: 'PKI.js',
    rows: /^X(25519|448)|^ML-KEM/,
    words: /Cannot read properties|Unknown type of|no class for content/,
  },
  { peer: 'PKI.js', rows: /^Compressed/, words: ABSENT },

  { peer: 'PKI.js', rows: BOUND, words: /Unrecognized algorithm name|no class for content|has no option to/ },

  { peer: 'python cryptography', rows: BOUND, words: /Only AES|UnknownDefinedBy|has no option to/, any: true },
  { peer: 'python cryptography', rows: /tached|opaque|^Compressed/, words: ABSENT, any: true },
  { peer: 'python cryptography', rows: /./, words: /has no attribute|unexpected keyword argument/, any: true },
  { peer: 'python cryptography', rows: /^Ed(25519|448)/, words: /Only RSA & EC keys/, any: true },
  { peer: 'python cryptography', rows: /GCM|^ChaCha20/, words: /UnknownDefinedBy|no content encryption/, any: true },
  {
    peer: 'python cryptography',
    rows: /^RSAES-OAEP/,
    words: /Only RSA with PKCS #1 v1\.5|has no option to/,
    any: true,
  },
  {
    peer: 'python cryptography',
    rows: /^ECDH|^X(25519|448)/,
    words: /Only certificate with RSA|Only RSA keys/,
    any: true,
  },
  {
    peer: 'python cryptography',
    rows: LATTICE,
    words: /deserialize key|Only RSA|Only certificate|Unknown key type/,
    any: true,
  },

  { peer: 'Bouncy Castle', rows: BOUND, words: /No such algorithm|has no option to/, any: true },
  { peer: 'Bouncy Castle', rows: /^ChaCha20/, direction: 'we read', words: /OutputAEADEncryptor/, any: true },
  {
    peer: 'Bouncy Castle',
    rows: /^X(25519|448)/,
    words: /no such algorithm|Unknown key agreement algorithm/,
    any: true,
  },
  { peer: 'Bouncy Castle', rows: LATTICE, words: /Unknown signature type|no such algorithm|NullPointer/, any: true },

  { peer: 'noble', rows: /^Compressed/, words: ABSENT },

  { peer: 'Thunderbird', rows: /tached|opaque|^Compressed/, words: ABSENT },
  { peer: 'Thunderbird', rows: /./, direction: 'we read', words: ABSENT },
  {
    peer: 'Thunderbird',
    rows: /GCM|^ChaCha20|brainpool|^CEK/,
    direction: 'reads ours',
    words: /gives 0 octets/,
    any: true,
  },
  { peer: 'Thunderbird', rows: /^X(25519|448)|^ML-KEM/, direction: 'reads ours', words: /^import/, any: true },
];

/** Is this refusal, in these words, a limit of the peer? */
export function isKnown(refusal: Refusal, words: string): boolean {
  return limitsOf(refusal).some((limit) => limit.words.test(words));
}

/** Must this cell be a refusal? */
export function isFirm(refusal: Refusal): boolean {
  const limits = limitsOf(refusal);
  return limits.length > 0 && limits.every(({ any }) => any !== true);
}

function limitsOf({ row, peer, direction }: Refusal): readonly Limit[] {
  return LIMITS.filter(
    (limit) => limit.peer === peer && limit.rows.test(row) && (limit.direction ?? direction) === direction,
  );
}
