/**
 * The language of `trust.revocation`. Names are those of Exchange's Set-SmimeConfig in our words; the twins are told in
 * the reference. A shape refuses nothing by itself but what a value may not be.
 */
import { list, map } from './map-shape.ts';
import { duration, ldapUrl, network, path, truth } from './scalars.ts';
import { defaulted, optional } from './shape.ts';
import { choice } from './text-shape.ts';

export const revocationShape = map({
  check: defaulted(truth, 'true', 'Whether certificates are asked for revocation. Exchange: not OWADisableCRLCheck.'),
  'when-unreachable': defaulted(
    choice(['refuse', 'accept']),
    'refuse',
    'What becomes of a certificate whose status cannot be found out: 451, or taken, logged and counted. Exchange: OWACheckCRLOnSend.',
  ),
  'staleness-max': defaulted(
    duration,
    '3d',
    'How long a CRL or OCSP answer counts after its end while no newer one can be had.',
  ),
  'fetch-timeout': defaulted(duration, '10s', 'For one fetch, redirects included. Exchange: OWACRLConnectionTimeout.'),
  'validation-timeout': defaulted(
    duration,
    '10s',
    'How long one recipient or sender waits for all fetches together. Exchange: OWACRLRetrievalTimeout.',
  ),
  refresh: defaulted(duration, '1h', 'A source is asked again after this time at the latest.'),
  allow: optional(
    list(network, 'at least one network'),
    'none',
    'Networks that may be asked although they are private, such as that of your own CA.',
  ),
  'ldap-host': optional(
    ldapUrl,
    'none',
    'Answers `ldap:///` locations and directory names, which name no server, as anonymous. For example `ldaps://dc1.example.org`.',
  ),
  'ldap-ca': optional(path, 'those that Node.js knows', 'PEM file of more CAs that vouch for servers over `ldaps://`.'),
  'fetch-intermediates': defaulted(
    truth,
    'false',
    'Fetch issuers that are missing from where certificates say they are (AIA), before their signatures are verified.',
  ),
  crls: optional(path, 'none', 'File or folder of CRLs brought by hand (DER, PEM). Changes count without a restart.'),
  signers: optional(
    path,
    'none',
    'File or folder of certificates that sign CRLs and are no CAs. Each must lead to the anchor of the certificate in question.',
  ),
  cache: optional(path, 'beside the queue folder', 'Folder that keeps what was fetched over a restart.'),
});
