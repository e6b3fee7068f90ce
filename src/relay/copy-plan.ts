/**
 * Which copies one message becomes (design: the path, step 4). Recipients with the same treatment share a copy;
 * recipients who must not learn of each other never share RecipientInfos (RFC 9788 §11.4, catalogue C18); copies that
 * differ only in recipients share one body. Post-quantum and classical keys never share a content key, under no profile.
 */
import type { Address } from '../address.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import type { Protection, RouteName } from '../queue/record.ts';
import type { BodyForm } from '../smime/seal.ts';
import type { Certificate } from '../x509/certificate.ts';
import { isPostQuantumKey } from '../x509/post-quantum-key.ts';

/** One recipient with everything decided. */
export interface TreatedRecipient {
  readonly address: Address;
  readonly sign: boolean;
  /** The certificate to encrypt to; null sends this recipient's copy unencrypted. */
  readonly certificate: Certificate | null;
  readonly profile: CryptoProfile;
  readonly route: RouteName;
  /** Not named in To or Cc: nobody else may see from their copy that this recipient exists. */
  readonly hidden: boolean;
}

/** One copy: one group of the queue record. */
export interface Copy {
  readonly recipients: readonly TreatedRecipient[];
  readonly protection: Protection;
  readonly route: RouteName;
  /** One line for people: `signed and encrypted (default)`. */
  readonly treatment: string;
}

/** One stored body and the copies that are made of it. */
export interface BodyPlan {
  readonly form: BodyForm;
  readonly copies: readonly Copy[];
}

/** Plans the copies; the order of the recipients changes only the order of copies. */
export function planCopies(recipients: readonly TreatedRecipient[]): readonly BodyPlan[] {
  const bodies = new Map<string, { form: BodyForm; copies: Map<string, TreatedRecipient[]> }>();
  for (const recipient of recipients) {
    const form = formFor(recipient);
    const formKey = `${keyOf(form)} ${strengthOf(recipient)}`;
    const body = bodies.get(formKey) ?? { form, copies: new Map<string, TreatedRecipient[]>() };
    bodies.set(formKey, body);
    // a clear copy names nobody, so hidden recipients of it may share the transaction
    const alone = recipient.hidden && form.kind === 'enveloped' ? recipient.address.key : '';
    const copyKey = `${recipient.route} ${alone}`;
    body.copies.set(copyKey, [...(body.copies.get(copyKey) ?? []), recipient]);
  }
  return [...bodies.values()].map(({ form, copies }) => ({
    form,
    copies: [...copies.values()].map((group) => copyOf(form, group)),
  }));
}

function formFor(recipient: TreatedRecipient): BodyForm {
  if (recipient.certificate !== null) {
    return { kind: 'enveloped', signed: recipient.sign, profile: recipient.profile };
  }
  return recipient.sign ? { kind: 'signed', profile: recipient.profile } : { kind: 'as-it-came' };
}

/** Profiles that differ never share a content key; a signature is the profile's too. */
function keyOf(form: BodyForm): string {
  switch (form.kind) {
    case 'as-it-came':
      return form.kind;
    case 'signed':
      return `signed ${form.profile?.name ?? ''}`;
    case 'enveloped':
      return `enveloped ${form.signed} ${form.profile.name}`;
  }
}

/** A content key that a classical key opens too would be only as safe as that: ML-KEM would be for nothing. */
function strengthOf({ certificate }: TreatedRecipient): string {
  return certificate !== null && isPostQuantumKey(certificate) ? 'post-quantum' : '';
}

function copyOf(form: BodyForm, recipients: readonly TreatedRecipient[]): Copy {
  return {
    recipients,
    protection: form.kind === 'enveloped' ? 'must-encrypt' : 'may-be-clear',
    // all recipients of a copy share their route: it is part of the key they were grouped by
    route: recipients[0]?.route ?? 'outside',
    treatment: describeForm(form),
  };
}

/** `signed and encrypted (default)`, `encrypted (default)`, `signed`, `as it came`. */
function describeForm(form: BodyForm): string {
  if (form.kind === 'as-it-came') return 'as it came';
  if (form.kind === 'signed') return 'signed';
  return `${form.signed ? 'signed and encrypted' : 'encrypted'} (${form.profile.name})`;
}
