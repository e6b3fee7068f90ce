/**
 * The language of the configuration file, key by key: shape, default and one line why. The reference is printed from
 * this page, and no default stands anywhere else. Keys of the language that this version does not have are listed as
 * planned, so that they are refused by name and never ignored.
 */
import type { Settings } from '../policy/rules.ts';
import { either, list, map, mapWithRecord, oneOrMany, record } from './map-shape.ts';
import { profileChoice, profileName, profileShape } from './profile-shape.ts';
import { revocationShape } from './revocation-shape.ts';
import {
  collectionName,
  domainName,
  duration,
  headerName,
  headerValue,
  integer,
  ldapUrl,
  listenAddress,
  loginName,
  mailbox,
  network,
  nextHop,
  partnerPattern,
  passwordHash,
  path,
  plainText,
  rulePattern,
  size,
  sourcePattern,
  truth,
} from './scalars.ts';
import { defaulted, defaultedMap, optional, required, type Shape } from './shape.ts';
import { choice, plannedAsList, plannedAsMap } from './text-shape.ts';

/** What `policy/` falls back to: said again for the reference, held equal by a test. */
export const BUILT_IN: Settings = {
  sign: 'if-possible',
  encrypt: 'if-possible',
  withoutCertificate: 'plain',
  unusable: 'refuse',
  profile: 'default',
  trust: null,
};

/** The typed tree of a shape, for the builders. */
export type TreeOf<S> = S extends Shape<infer T> ? T : never;

const tlsShape = map({
  certificate: required(path, 'PEM file: our certificate for STARTTLS, then its intermediates.'),
  key: required(path, 'PEM file of its private key. Only its owner may read it.'),
});

const vouchesShape = either(
  choice(['never', 'always', 'own-address']),
  map({
    header: required(headerName, 'Field that only the internal server can set. Taken off every message.'),
    value: optional(headerValue, 'this or `value-from`', 'Its value, exactly, for mail of internal origin.'),
    'value-from': optional(
      path,
      'this or `value`',
      'File that holds the value, where it is a secret. Only its owner may read it.',
    ),
  }),
);

export const clientShape = map({
  network: optional(network, 'this or `login`', 'Clients at these IP addresses.'),
  login: optional(
    path,
    'this or `network`',
    'Clients that log in (AUTH, over TLS only), as one of the users of this file.',
  ),
  vouches: defaulted(
    vouchesShape,
    'never',
    'How the client proves that mail is by who its From says. Only mail so proven is signed. `own-address`: the login owns the address.',
  ),
});

export const listenerShape = map(
  {
    address: required(listenAddress, 'Address and port to listen on. Port 0 lets the system choose.'),
    tls: optional(tlsShape, 'no STARTTLS', 'Certificate for STARTTLS.'),
    clients: required(
      list(clientShape, 'at least one client: everybody else is refused'),
      'Who may relay. The first that fits decides; everybody else is refused.',
    ),
  },
  { keys: ['entry'] },
);

const identitiesShape = plannedAsList(
  either(
    path,
    map(
      {
        folder: required(path, 'Folder of our senders: one `.p12` or `.pem` an address.'),
        decrypts: optional(
          record(mailbox, choice(['elsewhere'])),
          'warned about',
          'Addresses whose encrypted mail is opened elsewhere: no warning that their signing certificate also allows encryption.',
        ),
      },
      { keys: ['delegates', 'pkcs11'] },
    ),
  ),
);

export const sourceShape = map(
  {
    folder: optional(path, 'this or `ldap`', 'Folder of certificates (PEM, DER, P7B), found by the addresses in them.'),
    ldap: optional(ldapUrl, 'this or `folder`', 'LDAP server to ask.'),
    base: optional(plainText, 'required with `ldap`', 'DN below which to search.'),
    mode: optional(choice(['live'], ['sync']), '`live`', 'Asked when a recipient is named.'),
    for: optional(
      list(sourcePattern, 'at least one domain'),
      'all',
      'Domains the source may speak for. Others are never asked of it.',
    ),
    'start-tls': optional(truth, '`false`', 'StartTLS on `ldap://`.'),
    'bind-dn': optional(plainText, 'anonymous', 'DN to bind as; needs TLS.'),
    'bind-password-from': optional(path, 'with `bind-dn`', 'File of its password. Only its owner may read it.'),
    ca: optional(path, 'the CAs of the system', 'PEM file of the CA of the LDAP server.'),
    'when-unreachable': optional(choice(['defer']), '`defer`', 'The mail is refused with 451; it never goes plain.'),
  },
  { keys: ['smimea', 'harvest'] },
);

/** Names are looked up when all collections are known. */
const collectionChoice = oneOrMany(collectionName, 'a name under `trust`, or a list of them');

/** @param absence what a missing key means, given the built-in value */
function settings(absence: (builtIn: string) => string) {
  return map(
    {
      sign: optional(choice(['never', 'if-possible', 'required']), absence(BUILT_IN.sign), 'Signed as the author.'),
      encrypt: optional(
        choice(['never', 'if-possible', 'required']),
        absence(BUILT_IN.encrypt),
        'Encrypted to the recipient.',
      ),
      'without-certificate': optional(
        plannedAsMap(choice(['refuse', 'plain'], ['hold', 'bounce-that-one'])),
        absence(BUILT_IN.withoutCertificate),
        'Where `encrypt` is `if-possible` and no source publishes a certificate.',
      ),
      unusable: optional(
        choice(['refuse', 'plain']),
        absence(BUILT_IN.unusable),
        'Where `encrypt` is `if-possible` and a certificate exists, but is expired, untrusted or malformed.',
      ),
      profile: optional(profileChoice, absence(BUILT_IN.profile), 'Algorithms to sign and encrypt with.'),
      trust: optional(
        collectionChoice,
        absence('default') === 'inherited' ? 'inherited' : 'those for the domain, then `default`',
        "Collections that may vouch for the recipient's certificate, asked in this order; no other is. A recipient outside a collection's `only-for` is never vouched for by it.",
      ),
    },
    { keys: ['hold'] },
  );
}

export const settingsShape = settings((builtIn) => `\`${builtIn}\``);
const ruleSettingsShape = settings(() => 'inherited');

const rulesShape = map(
  {
    to: required(
      record(rulePattern, ruleSettingsShape),
      'By recipient: an address, a domain, or `*.domain` for its sub-domains.',
    ),
  },
  { keys: ['from', 'when'] },
);

export const routeShape = map(
  {
    host: required(nextHop, 'Next hop, `host` or `host:port`; port 25 where it is left out.'),
    tls: defaulted(
      choice(['none', 'opportunistic', 'required'], ['dane-or-mta-sts']),
      'required',
      '`required`: STARTTLS with a certificate valid for `host`, else the mail waits. `opportunistic`: STARTTLS where offered, unchecked.',
    ),
    ca: optional(path, 'the CAs of the system', 'PEM file of the CA of the next hop.'),
  },
  { keys: ['mx', 'per-domain'] },
);

const retryShape = map({
  first: defaulted(duration, '1m', 'Wait before the second attempt; doubled after each.'),
  max: defaulted(duration, '1h', 'Longest wait between attempts.'),
  lifetime: defaulted(
    duration,
    '5d',
    'Age at which mail is given up and its sender told (RFC 5321 §4.5.4.1: 4 to 5 days).',
  ),
});

export const queueShape = map({
  folder: required(
    path,
    'Folder of the accepted mail, every file of it spool-sealed with `key`. Made at the first start.',
  ),
  key: required(
    path,
    'File of that key, outside the folder. Made at the first start. Back it up: without it waiting mail is lost.',
  ),
  retry: defaultedMap(retryShape, 'When to try again.'),
  reserve: defaulted(size('1MB', '10TB'), '500MB', 'No mail is taken (452) while less than this is free.'),
  deliveries: defaulted(integer(1, 1000), '20', 'Deliveries under way at once, over all routes.'),
});

export const trustShape = mapWithRecord(
  map({
    default: required(
      path,
      'File or folder (SST, PEM, DER, PKCS #7) of the CAs that certificates must lead to. `sealgate trust import` needs a folder.',
    ),
    revocation: optional(
      revocationShape,
      'revocation is not checked, and `sealgate explain` says so',
      'Whether revoked certificates are found out, and how.',
    ),
  }),
  {
    key: collectionName,
    value: map({
      from: required(path, 'File or folder of its CAs, as for `default`.'),
      'only-for': optional(
        list(partnerPattern, 'at least one domain'),
        'asked only where a rule names it in `trust`',
        'Domains it may vouch for. Asked before `default`; never for anybody else.',
      ),
    }),
    doc: 'A collection of your own name, such as the private root of a partner.',
  },
);

export const siteShape = map({
  hostname: required(domainName, 'Our name in the greeting, in EHLO and in Received.'),
  ours: required(
    list(domainName, 'at least one domain'),
    'Our domains: their senders are signed for, mail to them goes by the internal route.',
  ),
  listen: required(list(listenerShape, 'at least one listener'), 'Where mail comes in, and from whom.'),
  trust: required(trustShape, 'Which CAs are trusted.'),
  identities: required(identitiesShape, 'Certificates and keys of our senders.'),
  directory: required(list(sourceShape, null), "Where recipients' certificates are found, best source first."),
  defaults: optional(settingsShape, 'the built-in values', 'Settings for mail to everybody outside `ours`.'),
  rules: optional(rulesShape, 'none', 'Settings that differ. The most specific rule wins, each setting on its own.'),
  routes: required(
    map(
      {
        internal: required(routeShape, 'For mail to `ours`, and for reports to our senders.'),
        outside: required(routeShape, 'For everybody else.'),
      },
      { others: true },
    ),
    'Where mail goes.',
  ),
  profiles: optional(record(profileName, profileShape), 'none', 'Algorithms by names of your own.'),
  queue: required(queueShape, 'Where accepted mail waits.'),
  limits: defaultedMap(
    map({
      message: defaulted(size('64KB', '2GB'), '50MB', 'Largest message; advertised as SIZE.'),
      recipients: defaulted(
        integer(1, 10_000),
        '1000',
        'Recipients of one message (RFC 5321 §4.5.3.1.8: at least 100).',
      ),
      connections: defaulted(integer(1, 10_000), '500', 'Connections from clients at once.'),
    }),
    'What is too much.',
  ),
  log: defaultedMap(
    map({
      level: defaulted(choice(['debug', 'info', 'warn', 'error']), 'info', 'Least important events that are logged.'),
    }),
    'The log, JSON lines on standard error.',
  ),
});

export type Site = TreeOf<typeof siteShape>;

/** The file that `login:` names: users by name. */
export const usersShape = record(
  loginName,
  map({
    password: required(passwordHash, 'What `sealgate login hash` printed.'),
    addresses: required(list(mailbox, 'at least one address'), 'Addresses this user may send from.'),
  }),
);
