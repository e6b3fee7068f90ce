/** `--trust` of `sealgate cms verify`: CA certificates from a file, and the judge of signers that they make (RFC 5280 §6). */
import type { CertificateJudge } from '../cms/verification-signer.ts';
import type { Certificate } from '../x509/certificate.ts';
import { validatePath } from '../x509/path-validator.ts';
import { isSelfSigned } from '../x509/self-signed.ts';
import { readCertificates } from './cms-keys.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';

export interface CmsTrust {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
}

/** Self-signed certificates are anchors, others may stand in the middle of a path. @throws CmsStop */
export async function readTrust(file: string): Promise<CmsTrust> {
  const certificates = await readCertificates(file);
  const anchors = certificates.filter(isSelfSigned);
  if (anchors.length === 0) throw new CmsStop(EXIT.data, `${file} holds no self-signed CA certificate`);
  return { anchors, intermediates: certificates.filter((certificate) => !anchors.includes(certificate)) };
}

/** @param at when paths are judged; never the time that a signer says */
export function judgeOf({ anchors, intermediates }: CmsTrust, at: Date): CertificateJudge {
  return async (leaf, companions) => {
    const result = validatePath({
      leaf,
      anchors,
      intermediates: [...intermediates, ...companions],
      at,
      purpose: 'sign',
      address: null,
    });
    return result.ok ? { ok: true } : { ok: false, detail: `${result.failure.code}: ${result.failure.text}` };
  };
}
